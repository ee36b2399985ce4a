/*
 * The table of functions: what top.js counted, sorted, filtered, and as many rows as one looks at.
 *
 * Rows carry data-self and data-total in samples. It says how many functions it does not show.
 */
import { amountCell, functionCell } from "./cells.js";
import { element, on, swatch } from "./dom.js";
import { baseName, formatCount, shownName } from "./format.js";
import { filterRows, sortRows, topFunctions } from "./top.js";
import { frameFile, frameSource } from "./tree.js";

const ROWS_FIRST = 100;

export class FunctionTable {
	/*
	 * parts: {body, heads (buttons with data-sort), filter, more, note}; callbacks:
	 * onSort(column), onFilter(text), onPick(name), onSandwich(name), onSource(file, name),
	 * which may be null
	 */
	constructor(parts, callbacks) {
		this.parts = parts;
		this.callbacks = callbacks;
		this.shown = ROWS_FIRST;
		for (const head of parts.heads)
			on(head, "click", () => callbacks.onSort(head.dataset.sort));
		on(parts.filter, "input", () => callbacks.onFilter(parts.filter.value));
		on(parts.more, "click", () => {
			this.shown *= 4;
			this.fill();
		});
	}

	/* The functions below `root`, coloured as in the graph. */
	setTree(tree, root, colorOf) {
		this.tree = tree;
		this.root = root;
		this.colorOf = colorOf;
		this.rows = topFunctions(tree, root);
		this.shown = ROWS_FIRST;
	}

	show(column, filter) {
		this.column = column;
		this.wanted = filter;
		this.fill();
	}

	fill() {
		const { body, heads, filter, more, note } = this.parts;
		for (const head of heads) {
			const sorted = head.dataset.sort === this.column;
			head.closest("th").setAttribute(
				"aria-sort",
				sorted
					? this.column === "name"
						? "ascending"
						: "descending"
					: "none",
			);
		}
		if (filter.value !== this.wanted) filter.value = this.wanted;
		const rows = sortRows(filterRows(this.rows, this.wanted), this.column);
		const most = rows.reduce(
			(m, r) => Math.max(m, this.column === "total" ? r.total : r.self),
			0,
		);
		body.replaceChildren(...rows.slice(0, this.shown).map((r) => this.row(r, most)));
		more.hidden = rows.length <= this.shown;
		const rest = formatCount(rows.length - this.shown);
		more.textContent = `Show more: ${rest} functions are not in the list yet`;
		note.textContent =
			`${formatCount(rows.length)} functions` +
			(this.wanted ? ` of ${formatCount(this.rows.length)}` : "") +
			(this.root ? ", in the zoomed part" : "");
	}

	sourceCell(r) {
		const file = frameFile(this.tree, r.frame);
		const text = shownName(baseName(frameSource(this.tree, r.frame)), 48);
		const onclick = () => this.callbacks.onSource(file, r.name);
		return element(
			"td.source",
			this.callbacks.onSource && file
				? element("button", { title: "Show it", onclick }, text)
				: text,
		);
	}

	row(r, most) {
		const { tree, callbacks } = this;
		const { object } = r;
		const value = this.column === "total" ? r.total : r.self;
		const color = this.colorOf(r.frame);
		const both = element(
			"button.both",
			{
				title: "Callers and callees",
				"aria-label": `Callers and callees of ${shownName(r.name)}`,
				onclick: () => callbacks.onSandwich(r.name),
			},
			"\u21c5",
		);
		return element(
			"tr",
			{ "data-self": r.self, "data-total": r.total },
			functionCell(
				r.name,
				most ? (100 * value) / most : 0,
				color,
				() => callbacks.onPick(r.name),
				both,
			),
			amountCell(tree, r.self),
			amountCell(tree, r.total),
			element(
				"td.object",
				{ title: shownName(object, 400) },
				object ? swatch(color) : "",
				shownName(baseName(object), 48),
			),
			this.sourceCell(r),
		);
	}
}
