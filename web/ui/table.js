/*
 * The table of functions: what top.js counted, sorted, filtered, and as many rows as one looks at.
 *
 * Rows carry data-self and data-total in samples. It says how many functions it does not show.
 */
import { element, swatch } from "./dom.js";
import {
	baseName,
	cutMiddle,
	formatCount,
	formatDuration,
	formatPercent,
	visibleName,
} from "./format.js";
import { filterRows, sortRows, topFunctions } from "./top.js";
import { frameSource } from "./tree.js";

const ROWS_FIRST = 100;

export class FunctionTable {
	/*
	 * parts: {body, heads (buttons with data-sort), filter, more, note}; callbacks:
	 * onSort(column), onFilter(text), onPick(name)
	 */
	constructor(parts, callbacks) {
		this.parts = parts;
		this.callbacks = callbacks;
		this.shown = ROWS_FIRST;
		for (const head of parts.heads)
			head.addEventListener("click", () => callbacks.onSort(head.dataset.sort));
		parts.filter.addEventListener("input", () =>
			callbacks.onFilter(parts.filter.value),
		);
		parts.more.addEventListener("click", () => {
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

	row(r, most) {
		const tree = this.tree;
		const name = visibleName(r.name);
		const object = visibleName(r.object);
		const bar = element("span", { class: "share", "aria-hidden": "true" });
		bar.style.width = most
			? (100 * (this.column === "total" ? r.total : r.self)) / most + "%"
			: "0";
		bar.style.backgroundColor = this.colorOf(r.frame);
		const amountCell = (n, kind) =>
			element(
				"td",
				{ class: "number", title: `${formatCount(n)} samples` },
				formatDuration(n * tree.periodNs),
				element(
					"span",
					{ class: "percent", "data-percent": kind },
					formatPercent(n, tree.total[0]),
				),
			);
		return element(
			"tr",
			{ "data-self": r.self, "data-total": r.total },
			element(
				"td",
				{ class: "function" },
				bar,
				element(
					"button",
					{
						type: "button",
						title: cutMiddle(name, 400),
						onclick: () => this.callbacks.onPick(r.name),
					},
					cutMiddle(name, 160),
				),
			),
			amountCell(r.self, "self"),
			amountCell(r.total, "total"),
			element(
				"td",
				{ class: "object", title: cutMiddle(object, 400) },
				object ? swatch(this.colorOf(r.frame)) : "",
				cutMiddle(baseName(object), 48),
			),
			element(
				"td",
				{ class: "source" },
				cutMiddle(baseName(visibleName(frameSource(tree, r.frame))), 48),
			),
		);
	}
}
