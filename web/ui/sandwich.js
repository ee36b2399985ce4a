/*
 * One function with all that calls it above and all that it calls below, each summed over the whole
 * profile; recursion counts once.
 */
import { byId, element, on, runSliced } from "./dom.js";
import { FlameGraph } from "./flamegraph.js";
import { formatCount, formatDuration, formatPercent, shownName } from "./format.js";
import { showPath } from "./pathtree.js";
import { topFunctions } from "./top.js";
import { calleesOf, callersOf } from "./transform.js";
import { allSamples, frameName } from "./tree.js";

const OFFERED_MAX = 200; /* functions that the name field offers */

export class Sandwich {
	/* owner: Views; onPick(name): another function was chosen */
	constructor(owner, onPick) {
		this.owner = owner;
		this.onPick = onPick;
		this.runs = 0;
		this.parts = ["callers", "callees"].map((id) => this.part(id));
		this.parts[0].graph.flip = true;
		on(byId("fn"), "change", (e) => onPick(e.target.value));
	}

	part(id) {
		const frame = byId(id);
		const part = { tree: null };
		part.graph = new FlameGraph(frame, {
			onZoom: (node, rest) => {
				part.graph.setZoom(node, rest);
				showPath(frame, part.tree, node);
			},
			onHover: (box, x, y) => this.owner.hover(part.tree, box, x, y, part.graph),
			onFocus: (node) => showPath(frame, part.tree, node),
		});
		on(frame, "keydown", (e) => {
			const node = part.graph.focused;
			if (e.key === "s" && node > 0) {
				e.stopPropagation();
				this.onPick(frameName(part.tree, part.tree.frame[node]));
			} else if (e.key === "Escape" && part.graph.zoom.root) {
				e.stopPropagation();
				part.graph.setZoom(0, 0);
			}
		});
		return part;
	}

	/* name "": of the function that itself ran most. */
	async show(tree, name) {
		const run = ++this.runs;
		if (this.tree !== tree) {
			const rows = topFunctions(tree, 0).sort((a, b) => b.self - a.self);
			this.names = rows.slice(0, OFFERED_MAX).map((r) => r.name);
			byId("fn-names").replaceChildren(
				...[...new Set(this.names)].map((n) =>
					element("option", { value: n }),
				),
			);
			this.tree = tree;
		}
		const wanted = name || this.names[0] || "";
		byId("fn").value = wanted;
		const label = tree.kinds.indexOf("label");
		const frames = new Uint8Array(tree.frameCount);
		for (let f = 0; f < tree.frameCount; f++)
			frames[f] = +(
				tree.frames.kind[f] !== label && frameName(tree, f) === wanted
			);
		const first = frames.indexOf(1);
		byId("sandwich-graphs").hidden = first < 0;
		if (first < 0) {
			this.say(
				"No function of this name ran here: " +
					shownName(wanted, 80),
			);
			return;
		}
		const made = await runSliced(
			this.make(tree, frames, first),
			() => run !== this.runs,
		);
		if (!made) return;
		this.parts.forEach((part, i) => {
			const { graph } = part;
			part.tree = made[i];
			graph.setTree(made[i]);
			const { slotOf, markOf } = this.owner.coloringOf(made[i]);
			graph.setColors(this.owner.app.palette, slotOf, markOf);
			graph.setZoom(0, 0);
			showPath(graph.frame, made[i], -1);
		});
		this.describe(made[1], wanted);
	}

	*make(tree, frames, first) {
		return [
			yield* callersOf(tree, frames, first),
			yield* calleesOf(tree, frames, first),
		];
	}

	describe(callees, name) {
		const { total, self } = callees.now ?? callees;
		const text = (n) =>
			formatDuration(n * callees.periodNs) +
			` (${formatPercent(n, allSamples(callees))})`;
		this.say(
			`total ${text(total[0])} · self ${text(self[0])} · ` +
				`${formatCount(total[0])} samples`,
		);
		Object.assign(byId("sandwich-view").dataset, {
			fn: name,
			total: total[0],
			self: self[0],
		});
	}

	say(text) {
		byId("sandwich-note").textContent = text;
	}
}
