/* Cells that the tables share: an amount of samples, and a function with its bar. */
import { element } from "./dom.js";
import { formatCount, formatDuration, formatPercent, shownName } from "./format.js";
import { allSamples } from "./tree.js";

/* Samples of a tree as CPU time and share; more: further attributes. */
export const amountCell = (tree, samples, more) =>
	element(
		"td.number",
		{ title: `${formatCount(samples)} samples`, ...more },
		formatDuration(samples * tree.periodNs),
		element("span.percent", formatPercent(samples, allSamples(tree))),
	);

/* A function as a button in front of a bar of so many percent. */
export function functionCell(name, percent, color, onclick, ...more) {
	const bar = element("span.share", { "aria-hidden": "true" });
	bar.style.width = percent + "%";
	bar.style.backgroundColor = color;
	return element(
		"td.function",
		bar,
		element(
			"button",
			{ title: shownName(name, 400), onclick },
			shownName(name),
		),
		...more,
	);
}
