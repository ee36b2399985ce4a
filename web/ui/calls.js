/*
 * The call tree as rows: opened where one looks, heaviest first.
 *
 * A treegrid of what is open and no more, so that a million nodes are a few hundred rows. Opening a
 * call opens what it does alone as well, up to the next fork. Arrow keys move and open.
 */
import { amountCell } from "./cells.js";
import { element, on, onKey, swatch } from "./dom.js";
import { shownName } from "./format.js";
import { frameName, nodeSamples } from "./tree.js";

const CHILDREN_SHOWN = 100; /* of one call, until more are asked for */
const OPEN_ALONE_MAX = 64; /* levels that open by themselves */
const INDENT_MAX = 40; /* levels: deeper ones are told by their number alone */
const INDENT_PX = 14;

export class CallTree {
	/* onPick(node): a function's row was chosen */
	constructor(body, onPick) {
		this.body = body;
		this.onPick = onPick;
		this.tree = this.colorOf = null;
		this.root = 0;
		this.opened = new Map(); /* node: how many of its children are shown */
		this.current = 0;
		on(body, "click", (e) => this.click(e));
		onKey(body, (e) => this.key(e.key));
	}

	setTree(tree, root, colorOf) {
		Object.assign(this, { tree, root, colorOf, current: root });
		this.opened.clear();
		this.open(root);
		this.fill();
	}

	open(node) {
		const { tree, opened } = this;
		for (let i = node, n = 0; n < OPEN_ALONE_MAX && i + 1 < tree.end[i]; n++) {
			opened.set(i, CHILDREN_SHOWN);
			if (tree.end[i + 1] !== tree.end[i]) break;
			i++;
		}
	}

	/* The nodes of the rows, in order; {more: node} where children are left out. */
	rows() {
		const { tree, opened } = this;
		/** @type {any[]} */
		const rows = [];
		/** @type {any[]} */
		const pending = [this.root];
		while (pending.length) {
			const at = pending.pop();
			rows.push(at);
			if (typeof at !== "number" || !opened.has(at)) continue;
			/** @type {any[]} */
			const shown = [];
			let i = at + 1;
			for (; i < tree.end[at] && shown.length < opened.get(at); i = tree.end[i])
				shown.push(i);
			if (i < tree.end[at]) shown.push({ more: at });
			pending.push(...shown.reverse());
		}
		return rows;
	}

	fill(focus) {
		const rows = this.rows().map((row) =>
			typeof row === "number" ? this.row(row) : this.moreRow(row.more),
		);
		this.body.replaceChildren(...rows);
		if (focus) this.body.querySelector('[tabindex="0"]')?.focus();
	}

	moreRow(node) {
		return element(
			"tr",
			{ role: "row", "data-more": node },
			element(
				"td",
				{ role: "gridcell", colspan: 4 },
				element("button.link", "more calls \u2026"),
			),
		);
	}

	row(node) {
		const { tree } = this;
		const frame = tree.frame[node];
		const name = frameName(tree, frame);
		const leaf = tree.end[node] === node + 1;
		const level = tree.depth[node] - tree.depth[this.root];
		const cell = element(
			"td.function",
			{ role: "gridcell", title: shownName(name, 400) },
			element(
				"span.twist",
				{ "aria-hidden": "true" },
				leaf ? "" : this.opened.has(node) ? "\u25be" : "\u25b8",
			),
			swatch(this.colorOf(node)),
			level > INDENT_MAX ? element("small", `${level}: `) : "",
			shownName(name),
		);
		cell.style.paddingLeft = Math.min(level, INDENT_MAX) * INDENT_PX + "px";
		const self = (tree.now ?? tree).self[node];
		return element(
			"tr",
			{
				role: "row",
				"data-node": node,
				"data-total": nodeSamples(tree, node),
				"data-self": self,
				"aria-level": level + 1,
				"aria-expanded": leaf ? null : String(this.opened.has(node)),
				tabindex: node === this.current ? 0 : -1,
			},
			cell,
			amountCell(tree, nodeSamples(tree, node), { role: "gridcell" }),
			amountCell(tree, self, { role: "gridcell" }),
		);
	}

	toggle(node) {
		if (this.opened.has(node)) this.opened.delete(node);
		else this.open(node);
		this.fill(true);
	}

	click(event) {
		const row = event.target.closest("tr");
		if (row?.dataset.more) {
			const node = Number(row.dataset.more);
			this.opened.set(node, this.opened.get(node) * 4);
			this.fill();
		} else if (row) {
			this.current = Number(row.dataset.node);
			this.toggle(this.current);
		}
	}

	key(key) {
		const { tree, root, current, opened } = this;
		const rows = this.rows().filter((row) => typeof row === "number");
		const at = rows.indexOf(current);
		if (key === "ArrowDown") this.current = rows[Math.min(at + 1, rows.length - 1)];
		else if (key === "ArrowUp") this.current = rows[Math.max(at - 1, 0)];
		else if (key === "Home") this.current = root;
		else if (key === "End") this.current = rows.at(-1);
		else if (key === "ArrowRight" && !opened.has(current)) this.open(current);
		else if (key === "ArrowRight")
			this.current = rows[Math.min(at + 1, rows.length - 1)];
		else if (key === "ArrowLeft" && opened.has(current)) opened.delete(current);
		else if (key === "ArrowLeft" && current !== root)
			this.current = tree.parent[current];
		else if (key === "Enter" || key === " ") this.onPick(current);
		else return false;
		this.fill(true);
		return true;
	}
}
