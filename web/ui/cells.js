/* Cells that the tables share: an amount of samples, and a function with its bar. */
import { element } from "./dom.js";
import { cutMiddle, formatCount, formatDuration, formatPercent, visibleName } from "./format.js";
import { allSamples } from "./tree.js";

const NAME_MAX_SHOWN = 160;

/* Samples of a tree as CPU time and share; more: further attributes. */
export function amountCell(tree, samples, more) {
	return element(
		"td",
		{ class: "number", title: `${formatCount(samples)} samples`, ...more },
		formatDuration(samples * tree.periodNs),
		element("span", { class: "percent" }, formatPercent(samples, allSamples(tree))),
	);
}

/* A function as a button in front of a bar of so many percent. */
export function functionCell(name, percent, color, onclick, ...more) {
	const bar = element("span", { class: "share", "aria-hidden": "true" });
	bar.style.width = percent + "%";
	bar.style.backgroundColor = color;
	const text = visibleName(name);
	return element(
		"td",
		{ class: "function" },
		bar,
		element(
			"button",
			{ type: "button", title: cutMiddle(text, 400), onclick },
			cutMiddle(text, NAME_MAX_SHOWN),
		),
		...more,
	);
}
