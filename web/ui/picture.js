/*
 * The flame graph as a picture: SVG with every bar that is wide enough to be seen, or PNG; of what
 * is zoomed, in the colours shown, whole and not only what has scrolled into view.
 *
 * Names are text of the picture and nothing else: escaped, and without the characters that XML has
 * no place for.
 */
import { element } from "./dom.js";
import { cutMiddle, formatCount, formatPercent, visibleName } from "./format.js";
import { Boxes, heightBelow, layoutRows } from "./layout.js";
import { allSamples, frameName, nodeSamples } from "./tree.js";

const ROW_PX = 18;
const WIDTH = 1600;
const CHAR_PX = 6.6;
const SVG_ROWS_MAX = 5000; /* deeper rows are counted in its last line */

const xmlText = (text) => text.replace(/[&<>"']/g, (c) => `&#${c.charCodeAt(0)};`);

function label(text, width) {
	const room = Math.floor((width - 6) / CHAR_PX);
	return room < 3 ? "" : cutMiddle(text, room);
}

/* The text of an SVG file. graph: {tree, zoom, palette, slotOf, flip}. */
export function svgOf(graph, title) {
	const { tree, zoom, palette, slotOf, flip } = graph;
	const all = tree.depth[zoom.root] + 1 + heightBelow(tree, zoom.root);
	const rows = Math.min(all, SVG_ROWS_MAX);
	const left = all - rows;
	const boxes = layoutRows(tree, zoom, WIDTH, 0, rows - 1, new Boxes());
	const height = (rows + 2) * ROW_PX;
	const parts = [
		`<svg xmlns="http://www.w3.org/2000/svg" width="${WIDTH}" height="${height}" ` +
			`viewBox="0 0 ${WIDTH} ${height}" font-family="sans-serif" font-size="12">`,
		`<title>${xmlText(visibleName(title))}</title>`,
		`<rect width="100%" height="100%" fill="${palette.page}"/>`,
		`<g fill="${palette.text}">`,
	];
	for (let i = 0; i < boxes.length; i++) {
		const node = boxes.node[i];
		const merged = boxes.merged[i];
		const name = merged
			? formatCount(merged) + " small calls"
			: visibleName(frameName(tree, tree.frame[node]));
		const row = flip ? rows - 1 - boxes.row[i] : boxes.row[i];
		const y = row * ROW_PX + ROW_PX / 2;
		const samples = merged ? boxes.samples[i] : nodeSamples(tree, node);
		const x = Math.max(boxes.x[i], 0).toFixed(2);
		const wide = Math.min(boxes.width[i], WIDTH);
		const count = formatCount(samples);
		const share = formatPercent(samples, allSamples(tree));
		const high = ROW_PX - 1;
		const drawn = Math.max(wide - 0.5, 0.2).toFixed(2);
		const color = palette.bars[merged ? 0 : slotOf(node)];
		const shown = label(name, wide);
		parts.push(
			`<g><title>${xmlText(`${name}: ${count} samples, ${share}`)}</title>` +
				`<rect x="${x}" y="${y}" width="${drawn}" height="${high}" ` +
				`rx="2" fill="${color}"/>`,
		);
		if (shown) parts.push(`<text x="${+x + 3}" y="${y + 13}">${xmlText(shown)}</text>`);
		parts.push("</g>");
	}
	const deeper = left ? ` · ${formatCount(left)} deeper rows are not drawn` : "";
	parts.push(
		`</g><text x="3" y="${height - 5}" fill="${palette.faint}">` +
			`${xmlText(visibleName(title) + deeper)}</text></svg>`,
	);
	return parts.join("\n") + "\n";
}

function save(blob, name) {
	const url = URL.createObjectURL(blob);
	const link = element("a", { href: url, download: name });
	link.click();
	setTimeout(() => URL.revokeObjectURL(url), 10000);
}

export function saveSvg(graph, title) {
	save(new Blob([svgOf(graph, title)], { type: "image/svg+xml" }), "hearth.svg");
}

/* As drawn on the page, all rows of it. */
export function savePng(graph) {
	graph.picture().toBlob((blob) => save(blob, "hearth.png"), "image/png");
}
