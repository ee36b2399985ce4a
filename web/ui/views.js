/*
 * The profile in all its views: as answered (`source`), as read with what is hidden and merged
 * (`plain`), and as drawn (`tree`: plain, or from its leaves).
 *
 * Views draw what app.state says and change it through app.go alone. Long work runs in slices; a
 * newer wish ends an older one.
 */
import { oneSide } from "./arrange.js";
import { CallTree } from "./calls.js";
import { CHANGE_MARKS, changeLegend, showChanges } from "./changes.js";
import { CodeView } from "./code.js";
import { baseScale, changeOf } from "./compare.js";
import { showCrumbs } from "./crumbs.js";
import { all, byId, facts, on, runSliced } from "./dom.js";
import { FlameGraph } from "./flamegraph.js";
import { formatCount } from "./format.js";
import { colorLegend } from "./legends.js";
import { matchedPercent, matchedText, stepText } from "./matched.js";
import { changeSlot, colorFrames, ObjectColors } from "./palette.js";
import { showPath } from "./pathtree.js";
import { Sandwich } from "./sandwich.js";
import { compileSearch, nextMatch, searchTree } from "./search.js";
import { FunctionTable } from "./table.js";
import { describeBox, describeNode, describeTree } from "./tooltip.js";
import { exactPattern } from "./top.js";
import { invertTree, readTree } from "./transform.js";
import {
	allBaseSamples,
	allSamples,
	findPath,
	frameFile,
	frameKind,
	frameName,
	frameObject,
	pathId,
} from "./tree.js";

const CODE_VIEWS = ["source", "asm"];
const LOOKS = ["zoom", "color", "theme"];
const READINGS = ["invert", "merge", "kernel", "lib", "abs", "sides"];

export class Views {
	/* loads, range: as of CodeView */
	constructor(app, tooltip, loads, range) {
		this.app = app;
		this.tooltip = tooltip;
		this.tree = this.plain = this.source = this.baseTree = null;
		this.found = null;
		this.focus = -1;
		this.runs = 0;
		this.objectColors = new ObjectColors();
		this.graph = this.flameGraph("graph", () => this.tree);
		this.other = this.sandwich = this.table = this.calls = null;
		this.code = new CodeView(app, loads, range);
		on(byId("details-sandwich"), "click", () => this.sandwichOfFocus());
		for (const view of CODE_VIEWS)
			on(byId("details-" + view), "click", () => this.codeOfFocus(view));
	}

	/* The views that are not the graph are made when they are first looked at. */
	functionTable() {
		const { app } = this;
		return new FunctionTable(
			{
				body: byId("functions").tBodies[0],
				heads: all("#functions [data-sort]"),
				filter: byId("table-filter"),
				more: byId("table-more"),
				note: byId("table-note"),
			},
			{
				onSort: (sort) => app.go({ sort }),
				onFilter: (filter) => app.go({ filter }, true),
				onPick: (name) =>
					app.go({ search: exactPattern(name), view: "graph" }),
				onSandwich: (name) => this.sandwichOf(name),
				onSource: app.report
					? null
					: (src, fn) => app.go({ src, fn, obj: "", view: "source" }),
			},
		);
	}

	callTree() {
		return new CallTree(byId("calls").tBodies[0], (node) =>
			this.openSandwich(this.plain, node),
		);
	}

	flameGraph(id, treeOf) {
		const graph = new FlameGraph(byId(id), {
			onZoom: (node, rest) => {
				const tree = treeOf();
				const ids = [node, rest].map((i) => (i ? pathId(tree, i) : ""));
				this.app.go({ zoom: ids[0], rest: ids[1] });
			},
			onHover: (box, x, y) => this.hover(treeOf(), box, x, y, graph),
			onFocus: (node) => this.showFocus(node, false, graph, treeOf()),
		});
		return graph;
	}

	hover(tree, box, x, y, graph) {
		if (box) this.tooltip.show(x, y, ...describeBox(tree, box, graph.zoom.root));
		else this.tooltip.hide();
	}

	/* ---- from the answer to what is drawn ---- */

	async setSource(source, quiet) {
		this.source = source;
		source.whole = [allSamples(source), allBaseSamples(source)];
		await this.read(quiet);
	}

	/* All trees that the state asks for. */
	*make() {
		const { source } = this;
		const { state } = this.app;
		const options = {
			kernel: state.kernel === "1",
			lib: state.lib === "1",
			merge: state.merge === "1",
		};
		source.absolute = state.abs === "1";
		const scale = source.base ? baseScale(source, source.absolute) : 1;
		const asIs = !source.base && !options.kernel && !options.lib && !options.merge;
		const plain = asIs ? source : yield* readTree(source, options, scale);
		const whole = state.invert ? yield* invertTree(plain) : plain;
		const both = source.base && state.sides;
		return {
			plain,
			tree: both ? yield* oneSide(whole, 0) : whole,
			baseTree: both ? yield* oneSide(whole, 1) : null,
		};
	}

	async read(quiet) {
		const run = ++this.runs;
		if (!this.source.length) return;
		const made = await runSliced(this.make(), () => run !== this.runs);
		if (!made) return;
		const focusId = quiet && this.focus > 0 ? pathId(this.tree, this.focus) : "";
		Object.assign(this, made);
		this.focus = -1;
		const { state } = this.app;
		byId("graph-base").hidden = byId("side-titles").hidden = !this.baseTree;
		for (const graph of this.graphs()) {
			graph.setTree(graph === this.graph ? this.tree : this.baseTree);
			graph.flip = state.flip === "1";
		}
		this.showColors();
		this.showZoom(quiet);
		this.showSearch();
		if (focusId) this.graph.focused = findPath(this.tree, focusId) || -1;
		this.showFocus(this.graph.focused, quiet, this.graph, this.tree);
		this.showView(true);
	}

	graphs() {
		if (!this.baseTree) return [this.graph];
		this.other ??= this.flameGraph("graph-base", () => this.baseTree);
		return [this.graph, this.other];
	}

	/* What a change of the state means here; changed(key, ...) tells which keys did. */
	async change(changed) {
		if (!this.source) return;
		if (changed(...READINGS)) {
			await this.read(!changed("invert"));
			return;
		}
		if (!this.tree) return;
		if (changed("color", "theme")) this.showColors();
		if (changed("flip"))
			for (const graph of this.graphs())
				graph.setFlip(this.app.state.flip === "1");
		if (changed("zoom", "rest")) this.showZoom();
		if (changed("search")) this.showSearch();
		if (changed("view", "sort", "filter", "part", "fn", "src", "obj", ...LOOKS))
			this.showView(changed(...LOOKS));
		for (const graph of this.graphs()) graph.flush();
	}

	/* ---- colours ---- */

	/* {slotOf, markOf} for the nodes of a tree. */
	coloringOf(tree) {
		if (!tree.now) {
			const { slotOf } = this.coloring;
			return { slotOf: (node) => slotOf(tree.frame[node]) };
		}
		const change = (node) => changeOf(tree, tree.now.total[node], tree.was.total[node]);
		return {
			slotOf: (node) => changeSlot(change(node)),
			markOf: (node) => {
				const mark = CHANGE_MARKS[change(node).kind];
				return mark ? mark + " " : "";
			},
		};
	}

	showColors() {
		const { tree, app } = this;
		this.coloring = colorFrames(this.plain, app.state.color, this.objectColors);
		for (const graph of this.graphs()) {
			const { slotOf, markOf } = this.coloringOf(graph.tree);
			graph.setColors(app.palette, slotOf, markOf);
		}
		const legend = tree.now
			? changeLegend(app.palette)
			: colorLegend(this.coloring.legend, app.palette, tree.samples);
		byId("legend").replaceChildren(...legend);
	}

	colorOfNode(tree) {
		const { slotOf } = this.coloringOf(tree);
		return (node) => this.app.palette.bars[slotOf(node)];
	}

	/* ---- zoom and focus ---- */

	showZoom(keepScroll) {
		const { tree, app } = this;
		const { zoom, rest } = app.state;
		for (const graph of this.graphs()) {
			const at = findPath(graph.tree, zoom);
			const first = rest ? findPath(graph.tree, rest) : 0;
			const small = first && graph.tree.parent[first] === at ? first : 0;
			graph.setZoom(at, small, keepScroll);
		}
		const node = this.graph.zoom.root;
		const name = node ? frameName(tree, tree.frame[node]).slice(0, 200) : "";
		facts.zoom = name;
		showCrumbs(byId("crumbs"), tree, node, rest ? findPath(tree, rest) : 0, app.go);
		if (this.found) this.showMatched();
	}

	showFocus(node, quiet, graph, tree) {
		if (graph === this.graph) this.focus = node;
		showPath(graph.frame, tree, node);
		const cut = tree.cut
			? ` · callers of ${formatCount(tree.cut)} stacks left out`
			: "";
		const text =
			node >= 0 && tree.length
				? describeNode(tree, node)
				: describeTree(tree) + cut;
		if (!quiet || byId("details").textContent !== text)
			byId("details").textContent = text;
		for (const view of ["sandwich", ...CODE_VIEWS])
			byId("details-" + view).hidden = !(node > 0 && this.functionAt(tree, node));
	}

	/* The code of the function that has the focus, or why there is none. */
	codeOfFocus(view) {
		const { tree, focus } = this;
		const fn = focus > 0 && this.functionAt(tree, focus);
		const frame = tree.frame[focus];
		if (fn)
			this.app.go({
				fn,
				src: frameFile(tree, frame),
				obj: frameObject(tree, frame),
				view,
			});
	}

	/* The name of the function at a node, "" where it is none. */
	functionAt(tree, node) {
		const kind = frameKind(tree, tree.frame[node]);
		return kind === "label" || kind === "incomplete"
			? ""
			: frameName(tree, tree.frame[node]);
	}

	openSandwich(tree, node) {
		const fn = node > 0 && this.functionAt(tree, node);
		if (fn) this.sandwichOf(fn);
	}

	/* Where a former function's code was is nothing to it. */
	sandwichOf(fn) {
		this.app.go({ fn, src: "", obj: "", view: "sandwich" });
	}

	sandwichOfFocus() {
		if (this.focus > 0) this.openSandwich(this.tree, this.focus);
		else this.app.go({ view: "sandwich" });
	}

	/* ---- search ---- */

	showSearch() {
		const text = this.app.state.search;
		const box = byId("search");
		if (box.value !== text) box.value = text;
		const { expression, error } = text ? compileSearch(text) : {};
		this.found = expression ? searchTree(this.tree, expression) : null;
		for (const graph of this.graphs()) graph.setMatches(this.found?.frames ?? null);
		box.setAttribute("aria-invalid", String(Boolean(error)));
		for (const id of ["search-next", "search-previous"])
			byId(id).disabled = !this.found?.nodes;
		if (this.found) {
			this.showMatched();
			return;
		}
		delete facts.matched;
		byId("search-result").textContent = error ?? "";
	}

	showMatched() {
		const { tree, found } = this;
		facts.matched = String(matchedPercent(tree, found));
		byId("search-result").textContent = matchedText(tree, found, this.graph.zoom.root);
	}

	stepMatch(step) {
		if (!this.found?.nodes) return;
		const node = nextMatch(this.tree, this.found.frames, Math.max(this.focus, 0), step);
		if (this.app.state.view !== "graph") this.app.go({ view: "graph" });
		this.graph.focus(node);
		byId("search-result").textContent = stepText(this.tree, this.found, node);
	}

	/* ---- the view that is open ---- */

	/* renew: its tree or colours are others than before. */
	showView(renew) {
		const { plain, app } = this;
		const { state } = app;
		const chosen = state.fn || state.src || state.obj;
		for (const name of CODE_VIEWS) byId(name + "-tab").hidden = !chosen;
		const shown = { changes: plain.now, source: chosen, asm: chosen };
		const view = shown[state.view] ?? true ? state.view : "graph";
		for (const name of ["graph", "table", "sandwich", "calls", "changes"])
			byId(name + "-view").hidden = name !== view;
		byId("code-view").hidden = !CODE_VIEWS.includes(view);
		const zoom = state.invert ? 0 : findPath(plain, state.zoom);
		const again = renew || this.shown !== view + zoom;
		this.shown = view + zoom;
		if (view === "table") this.showTable(zoom, again);
		else if (view === "calls" && again)
			(this.calls ??= this.callTree()).setTree(
				plain,
				zoom,
				this.colorOfNode(plain),
			);
		else if (view === "sandwich") {
			this.sandwich ??= new Sandwich(this, (name) => this.sandwichOf(name));
			this.sandwich.show(plain, state.fn);
		}
		else if (view === "changes") this.showChanges();
		else if (CODE_VIEWS.includes(view)) this.code.show(plain, renew);
	}

	showTable(zoom, again) {
		const { plain, app } = this;
		this.table ??= this.functionTable();
		if (again || this.table.tree !== plain) {
			const { slotOf } = this.coloring;
			this.table.setTree(plain, zoom, (frame) => app.palette.bars[slotOf(frame)]);
		}
		this.table.show(app.state.sort, app.state.filter);
	}

	showChanges() {
		const { app } = this;
		showChanges(
			byId("changes").tBodies[0],
			byId("changes-note"),
			this.plain,
			app.state.part,
			app.palette,
			(name) => app.go({ search: exactPattern(name), view: "graph" }),
		);
	}
}
