/*
 * What changed: functions by how much their share, or their amount, grew or shrank between two
 * ranges, surest first; what chance makes as well is counted, not listed.
 */
import { functionCell } from "./cells.js";
import { changeOf, confidenceText } from "./compare.js";
import { element, swatch } from "./dom.js";
import { formatCount, formatPercent } from "./format.js";
import { changeSlot } from "./palette.js";
import { topFunctions } from "./top.js";

const ROWS_MAX = 200;
export const CHANGE_MARKS = {
	noise: "",
	new: "\u271a",
	gone: "\u2716",
	more: "\u25b2",
	less: "\u25bc",
};
export const CHANGE_WORDS = {
	noise: "no more than chance",
	new: "new",
	gone: "gone",
	more: "more",
	less: "less",
};

/*
 * {changed: [{name, now, was, change}], noise: count}; part: "self", what functions did themselves,
 * or "total", with all that they called.
 */
export function changedFunctions(tree, part) {
	const rows = topFunctions(tree, 0).map((row) => {
		const [now, was] = [row[part], row[part + "Was"]];
		return { name: row.name, now, was, change: changeOf(tree, now, was) };
	});
	const changed = rows
		.filter((row) => row.change.kind !== "noise")
		.sort(
			(a, b) =>
				Math.abs(b.change.delta) - Math.abs(a.change.delta) ||
				(a.name < b.name ? -1 : 1),
		);
	return { changed, noise: rows.length - changed.length };
}

function changedRow(tree, row, palette, most, onPick) {
	const { change } = row;
	const color = palette.bars[changeSlot(change)];
	return element(
		"tr",
		{ "data-kind": change.kind, "data-now": row.now, "data-was": row.was },
		functionCell(row.name, (100 * Math.abs(change.delta)) / most, color, () =>
			onPick(row.name),
		),
		element(
			"td.kind",
			swatch(color),
			CHANGE_MARKS[change.kind] + " " + CHANGE_WORDS[change.kind],
		),
		element("td.number", formatPercent(row.was, tree.was.total[0])),
		element("td.number", formatPercent(row.now, tree.now.total[0])),
		element(
			"td.number",
			(change.delta > 0 ? "+" : "") + change.delta.toFixed(2),
		),
		element("td.number", confidenceText(change.z)),
	);
}

/* Fills the table's body and the note above it. */
export function showChanges(body, note, tree, part, palette, onPick) {
	const { changed, noise } = changedFunctions(tree, part);
	const most = Math.abs(changed[0]?.change.delta ?? 1);
	body.replaceChildren(
		...changed
			.slice(0, ROWS_MAX)
			.map((r) => changedRow(tree, r, palette, most, onPick)),
	);
	note.textContent =
		`${formatCount(changed.length)} functions changed` +
		(changed.length > ROWS_MAX ? ` (the first ${ROWS_MAX} are listed)` : "") +
		`; ${formatCount(noise)} differ by no more than chance makes ` +
		"(likelihood-ratio test, p \u2265 0.001).";
}

/* What the colours of a comparison mean. */
export function changeLegend(palette) {
	const item = (kind, strength, text) =>
		element(
			"li",
			swatch(palette.bars[changeSlot({ kind, strength })]),
			`${CHANGE_MARKS[kind]} ${text}`,
		);
	return [
		item("new", 0, "new"),
		...[3, 2, 1].map((s) =>
			item("more", s, ["by a little", "more", "far more"][s - 1]),
		),
		item("noise", 0, "no more than chance makes (p \u2265 0.001)"),
		...[1, 2, 3].map((s) =>
			item("less", s, ["by a little", "less", "far less"][s - 1]),
		),
		item("gone", 0, "gone"),
	];
}
