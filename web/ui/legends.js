/* What the colours mean: of the flame graph's frames, and of the timeline's processes. */
import { element, swatch } from "./dom.js";
import { baseName, formatCount, formatPercent, shownName, visibleName } from "./format.js";

const LEGEND_MAX = 9;
const KIND_WORDS = { label: "processes", incomplete: "incomplete stacks" };

const quiet = (text) => element("span.quiet", text);

/* The groups that most samples have, as list items; how many more there are, last. */
export function colorLegend(legend, palette, samples) {
	const items = legend
		.slice(0, LEGEND_MAX)
		.map((g) =>
			element(
				"li",
				{ title: visibleName(g.name) },
				swatch(palette.bars[g.slot]),
				shownName(KIND_WORDS[g.name] ?? baseName(g.name), 40),
				quiet(formatPercent(g.samples, samples)),
			),
		);
	if (legend.length > LEGEND_MAX) {
		const more = `and ${formatCount(legend.length - LEGEND_MAX)} more`;
		items.push(element("li.quiet", more));
	}
	return items;
}

/* One process of the timeline; pick(name) filters by it. */
export function processItem(layer, total, pick) {
	const name = shownName(layer.name, 32) || "(no name)";
	const parts = [swatch(layer.color), name, quiet(formatPercent(layer.total, total))];
	if (layer.other) return element("li", element("span", ...parts));
	const title = "Show only " + name;
	const onclick = () => pick(layer.name);
	return element(
		"li",
		element("button.link", { title, onclick }, ...parts),
	);
}
