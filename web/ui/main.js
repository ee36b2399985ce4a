/*
 * The viewer: state in, page out.
 *
 * Every action is a change of the state (state.js) through `go`, which writes the address and shows
 * what changed; going back is the same with a state from the address. This file knows all parts;
 * the parts do not know each other. Modules use only named imports and exports, and no two of them
 * share a top-level name, so that the exporter of offline reports can join them to one script.
 *
 * For tests, <html> carries data-ready ("1" when all that was asked for is shown), data-samples,
 * data-nodes, data-from and data-until (milliseconds), data-matched (percent), data-zoom (name),
 * data-error.
 */
import {
	apiUrl,
	fetchLabels,
	fetchProfile,
	fetchSeries,
	fetchStatus,
	fetchValues,
	rangeParams,
	readProfile,
	serverNow,
} from "./api.js";
import { showCrumbs } from "./crumbs.js";
import { byId, setPressed } from "./dom.js";
import { Filters } from "./filters.js";
import { FlameGraph } from "./flamegraph.js";
import { closeMenusOutside, listenForKeys } from "./keyboard.js";
import { colorLegend, processItem } from "./legends.js";
import { Loads } from "./loads.js";
import { matchedText, stepText } from "./matched.js";
import { emptyMessage, failureMessage } from "./messages.js";
import { colorFrames, ObjectColors, themePalette } from "./palette.js";
import { showPath } from "./pathtree.js";
import { compileSearch, nextMatch, searchTree } from "./search.js";
import { addMatcher } from "./selector.js";
import { seriesLayers } from "./series.js";
import {
	decodeState,
	encodeState,
	parseSelection,
	selectionParam,
	timeParam,
	windowOf,
} from "./state.js";
import { showQuality, watchQuality } from "./status.js";
import { FunctionTable } from "./table.js";
import { applyTheme, onSystemTheme, rememberTheme } from "./theme.js";
import { Timeline } from "./timeline.js";
import { rangeText, timeText, typedTimes } from "./times.js";
import { describeBox, describeMoment, describeNode, describeTree, Tooltip } from "./tooltip.js";
import { exactPattern } from "./top.js";
import { findPath, frameName, pathId } from "./tree.js";

/* between two refreshes of a live window, after each answer */
const LIVE_MS = 3000;
const SETTLE_MS = 250; /* after the last move of the wheel before the window is asked for */
const LAYERS_MAX = 8; /* processes with a colour of their own in the timeline */
const PROGRESS_MS = 150; /* quicker answers show no progress */

const root = document.documentElement;
const report = byId("hearth-report");

const app = {
	state: decodeState(report ? location.hash : location.search),
	/* of the timeline, in milliseconds: relative times resolved */
	window: { from: 0, until: 1 },
	tree: null,
	coloring: null /* {slots, legend} */,
	found: null /* of searchTree */,
	focus: -1,
	dark: false,
	matchError: "",
	objectColors: new ObjectColors(),
	processColors: new ObjectColors(),
	series: null,
	liveTimer: 0,
	settleTimer: 0,
};

const loads = new Loads(showReady);

const tooltip = new Tooltip(byId("tooltip"));

const graph = new FlameGraph(byId("graph"), {
	onZoom: (node, rest) =>
		go({ zoom: pathId(app.tree, node), rest: rest ? pathId(app.tree, rest) : "" }),
	onHover: (box, x, y) => {
		if (box) tooltip.show(x, y, ...describeBox(app.tree, box, graph.zoom.root));
		else tooltip.hide();
	},
	onFocus: (node) => showFocus(node),
});

const timeline = report
	? null
	: new Timeline(byId("timeline"), {
			onSelect: (range) =>
				go({ sel: range ? selectionParam(range) : "", live: "" }),
			onWindow: (range) => moveWindow(range),
			onHover: showMoment,
		});

const table = new FunctionTable(
	{
		body: byId("functions").tBodies[0],
		heads: [...document.querySelectorAll("#functions [data-sort]")],
		filter: byId("table-filter"),
		more: byId("table-more"),
		note: byId("table-note"),
	},
	{
		onSort: (sort) => go({ sort }),
		onFilter: (filter) => go({ filter }, true),
		onPick: (name) => go({ search: exactPattern(name), view: "graph" }),
	},
);

const filters = report
	? null
	: new Filters(
			{
				chips: byId("chips"),
				label: byId("filter-label"),
				value: byId("filter-value"),
				values: byId("filter-values"),
				form: byId("filter-form"),
				selector: byId("selector"),
				error: byId("selector-error"),
			},
			{
				labels: () => fetchLabels().catch(() => ["comm"]),
				values: (label) =>
					fetchValues(label, currentRange(), "").catch(() => []),
			},
			(match) => go({ match }),
		);

/* ---- state and address ---- */

/* Changes the state. `replace`: not a step to go back to (typing, wheel). */
function go(change, replace) {
	const before = { ...app.state };
	Object.assign(app.state, change);
	const query = encodeState(app.state);
	if (query !== encodeState(before)) {
		const address = report
			? "#" + query
			: location.pathname + (query ? "?" + query : "");
		try {
			history[replace ? "replaceState" : "pushState"](null, "", address);
		} catch {
			/* a report opened from a file may have no address; it works without */
		}
	}
	show(before);
}

window.addEventListener("popstate", () => {
	const before = app.state;
	app.state = decodeState(report ? location.hash : location.search);
	show(before);
});

/* Shows the differences between a former state and this one; null shows all. */
function show(before) {
	const changed = (...keys) => !before || keys.some((k) => before[k] !== app.state[k]);
	if (changed("theme", "utc")) showLook();
	if (changed("from", "until", "live")) app.window = windowOf(app.state, serverNow());
	showControls();
	if (!report && changed("from", "until", "match", "live")) loadSeries();
	if (!report && changed("from", "until", "match", "sel", "live")) loadProfile();
	else if (app.tree) showTreeChanges(changed);
	if (changed("live", "from", "until")) scheduleLive();
}

function showTreeChanges(changed) {
	if (changed("color", "theme")) showColors();
	if (changed("flip")) graph.setFlip(app.state.flip === "1");
	if (changed("zoom", "rest")) showZoom();
	if (changed("search")) showSearch();
	if (changed("view", "sort", "filter", "zoom", "color", "theme"))
		showTable(changed("zoom", "color", "theme"));
}

function currentRange() {
	return app.state.sel ? parseSelection(app.state.sel) : app.window;
}

/* ---- loading ---- */

function showReady() {
	root.dataset.ready = loads.idle ? "1" : "0";
}

async function loadProfile(quiet) {
	const range = currentRange();
	const progress = setTimeout(
		() => (byId("progress").hidden = false),
		quiet ? 60000 : PROGRESS_MS,
	);
	if (!app.tree) showMessage(["Loading the profile …"]);
	const result = await loads.run("profile", (signal) =>
		fetchProfile(range, app.state.match, signal),
	);
	clearTimeout(progress);
	if (result.aborted) return;
	byId("progress").hidden = true;
	app.matchError = "";
	if (result.error) showFailure(result.error);
	else await showTree(result.value, range, quiet);
	filters.show(app.state.match, app.matchError);
	showReady();
}

async function loadSeries() {
	const range = app.window;
	timeline.setWindow(range);
	const step = timeline.stepFor(range);
	const result = await loads.run("series", async (signal) => {
		const series = await fetchSeries(range, step, app.state.match, "comm", signal);
		if (series.more?.series)
			series.all =
				(await fetchSeries(range, step, app.state.match, "", signal))
					.series[0]?.values ?? [];
		return series;
	});
	if (result.value) {
		app.series = result.value;
		showSeries();
	}
	if (!result.aborted) showReady();
}

/* A report: the profile stands in the page. */
async function loadReport() {
	root.dataset.mode = "report";
	showMessage(["Reading the profile …"]);
	try {
		const text = report.textContent;
		report.remove();
		const tree = await readProfile(text);
		await showTree(tree, { from: tree.startMs, until: tree.endMs });
		showReportTitle();
	} catch (error) {
		showFailure(error);
	}
	showReady();
}

function showReportTitle() {
	const { tree } = app;
	if (!tree) return;
	const range = { from: tree.startMs, until: tree.endMs };
	byId("report-title").textContent = rangeText(range, app.state.utc === "1", false);
}

function scheduleLive() {
	clearTimeout(app.liveTimer);
	if (!report && app.state.live) app.liveTimer = setTimeout(refresh, LIVE_MS);
}

async function refresh() {
	if (!document.hidden) {
		app.window = windowOf(app.state, serverNow());
		showRange();
		await Promise.all([loadSeries(), loadProfile(true)]);
	}
	scheduleLive();
}

/* Wheel and arrows: the picture follows at once, the daemon is asked when it rests. */
function moveWindow(range) {
	app.window = range;
	timeline.setWindow(range);
	clearTimeout(app.settleTimer);
	app.settleTimer = setTimeout(() => {
		go({ from: timeParam(range.from), until: timeParam(range.until), live: "" }, true);
		showReady();
	}, SETTLE_MS);
	root.dataset.ready = "0";
	showRange();
}

/* ---- the profile ---- */

async function showTree(tree, range, quiet) {
	const focusId = quiet && app.focus > 0 ? pathId(app.tree, app.focus) : "";
	app.tree = tree;
	app.focus = -1;
	Object.assign(root.dataset, {
		samples: tree.samples,
		nodes: tree.length,
		from: range.from,
		until: range.until,
	});
	delete root.dataset.error;
	graph.setTree(tree);
	showColors();
	graph.flip = app.state.flip === "1";
	showZoom(quiet);
	showSearch();
	if (focusId) graph.focused = findPath(tree, focusId) || -1;
	showFocus(graph.focused, quiet);
	showTable(true);
	showQuality(app.tree);
	if (tree.samples > 0) hideMessage();
	else await showEmpty();
}

function showColors() {
	const { tree } = app;
	app.coloring = colorFrames(tree, app.state.color, app.objectColors);
	const { legend, slots } = app.coloring;
	graph.setColors(app.palette, slots);
	byId("legend").replaceChildren(...colorLegend(legend, app.palette, tree.samples));
}

function showZoom(keepScroll) {
	const { tree, state } = app;
	const node = findPath(tree, state.zoom);
	const rest = state.rest ? findPath(tree, state.rest) : 0;
	graph.setZoom(node, rest && tree.parent[rest] === node ? rest : 0, keepScroll);
	root.dataset.zoom = node ? frameName(tree, tree.frame[node]).slice(0, 200) : "";
	showCrumbs(byId("crumbs"), tree, node, rest, go);
	if (app.found) showMatched();
}

function showFocus(node, quiet) {
	app.focus = node;
	showPath(byId("graph"), byId("path"), app.tree, node);
	const text =
		node >= 0 && app.tree.length
			? describeNode(app.tree, node)
			: describeTree(app.tree);
	if (!quiet || byId("details").textContent !== text) byId("details").textContent = text;
}

/* ---- search ---- */

function showSearch() {
	const text = app.state.search;
	const box = byId("search");
	if (box.value !== text) box.value = text;
	const { expression, error } = text ? compileSearch(text) : {};
	app.found = expression ? searchTree(app.tree, expression) : null;
	graph.setMatches(app.found?.frames ?? null);
	box.setAttribute("aria-invalid", String(Boolean(error)));
	for (const id of ["search-next", "search-previous"]) byId(id).disabled = !app.found?.nodes;
	if (app.found) {
		showMatched();
		return;
	}
	delete root.dataset.matched;
	byId("search-result").textContent = error ?? "";
}

function showMatched() {
	const { tree, found } = app;
	const zoom = graph.zoom.root;
	root.dataset.matched = String(tree.samples ? (100 * found.samples) / tree.samples : 0);
	byId("search-result").textContent = matchedText(tree, found, zoom);
}

function stepMatch(step) {
	if (!app.found?.nodes) return;
	const node = nextMatch(app.tree, app.found.frames, Math.max(app.focus, 0), step);
	if (app.state.view !== "graph") go({ view: "graph" });
	graph.focus(node);
	byId("search-result").textContent = stepText(app.tree, app.found, node);
}

/* ---- the other parts ---- */

function showTable(renew) {
	const shown = app.state.view === "table";
	byId("table-view").hidden = !shown;
	byId("graph-view").hidden = shown;
	if (!shown) return;
	const zoom = graph.zoom.root;
	if (renew || table.tree !== app.tree || table.root !== zoom)
		table.setTree(
			app.tree,
			zoom,
			(frame) => app.palette.bars[app.coloring.slots[frame]],
		);
	table.show(app.state.sort, app.state.filter);
}

function showSeries() {
	const { layers, total, ...data } = seriesLayers(app.series, LAYERS_MAX);
	for (const layer of layers)
		layer.color =
			app.palette.bars[layer.other ? 0 : app.processColors.slot(layer.name)];
	timeline.setData(data, layers);
	const pick = (value) =>
		go({ match: addMatcher(app.state.match, { label: "comm", op: "=", value }) });
	byId("timeline-legend").replaceChildren(...layers.map((l) => processItem(l, total, pick)));
}

function showMoment(moment, x, y) {
	if (moment)
		tooltip.show(
			x,
			y,
			...describeMoment(moment, app.state.utc === "1", LAYERS_MAX + 1),
		);
	else tooltip.hide();
}

/* ---- messages in the place of the graph ---- */

function showMessage(children) {
	byId("message").replaceChildren(...children);
	byId("message").hidden = false;
}

function hideMessage() {
	byId("message").hidden = true;
}

const act = { go, retry: report ? null : () => show(null) };

function showFailure(error) {
	root.dataset.error = error.message;
	if (error.status === 400 && app.state.match) app.matchError = error.message;
	showMessage(failureMessage(error, app.state.match, act));
}

async function showEmpty() {
	const status = report ? null : await fetchStatus().catch(() => null);
	if (app.tree?.samples) return; /* an answer came meanwhile */
	showMessage(emptyMessage(app.state, status, serverNow(), Boolean(report), act));
}

/* ---- controls ---- */

function showLook() {
	app.dark = applyTheme(app.state.theme);
	app.palette = {
		...themePalette(app.dark),
		page: getComputedStyle(document.body).backgroundColor,
	};
	timeline?.setLook(
		{
			grid: getComputedStyle(byId("top")).borderBottomColor,
			text: getComputedStyle(byId("range-text")).color,
		},
		app.state.utc === "1",
	);
	if (app.series && timeline) showSeries();
}

function showControls() {
	const { state } = app;
	setPressed(byId("utc"), state.utc === "1");
	setPressed(byId("live"), state.live === "1");
	setPressed(byId("flip"), state.flip === "1");
	byId("color").value = state.color;
	for (const button of document.querySelectorAll("[data-view]"))
		setPressed(button, button.dataset.view === state.view);
	for (const button of document.querySelectorAll("[data-range]"))
		setPressed(button, state.from === button.dataset.range && state.until === "now");
	if (report) showReportTitle();
	else showRange();
	filters?.show(state.match, app.matchError);
}

function showRange() {
	const { state } = app;
	const utc = state.utc === "1";
	for (const id of ["from", "until"]) {
		if (document.activeElement !== byId(id)) byId(id).value = timeText(state[id], utc);
	}
	byId("times").classList.toggle(
		"exact",
		[state.from, state.until].some((t) => /^\d/.test(t)),
	);
	const range = currentRange();
	byId("range-text").setAttribute("aria-live", state.live ? "off" : "polite");
	byId("range-text").textContent = rangeText(range, utc, Boolean(state.sel));
	byId("clear-selection").hidden = byId("zoom-selection").hidden = !state.sel;
	timeline.setSelection(state.sel ? parseSelection(state.sel) : null);
	for (const link of document.querySelectorAll("#downloads [data-format]"))
		link.href = apiUrl("profile", {
			...rangeParams(range, state.match),
			format: link.dataset.format,
		});
}

byId("times").addEventListener("submit", (e) => {
	e.preventDefault();
	const fields = { from: byId("from"), until: byId("until") };
	const typed = typedTimes(fields, app.state.utc === "1", serverNow());
	if (!typed) return;
	document.activeElement.blur();
	go({ ...typed, sel: "", live: "" });
});

byId("ranges").addEventListener("click", (e) => {
	const range = e.target.closest("[data-range]")?.dataset.range;
	if (!range) return;
	const { from, until, sel } = app.state;
	if (from === range && until === "now" && !sel) refresh();
	else go({ from: range, until: "now", sel: "" });
});

function toggleLive() {
	if (app.state.live) go({ live: "" });
	else
		go({
			live: "1",
			sel: "",
			until: "now",
			from: app.state.from.startsWith("-") ? app.state.from : "-5m",
		});
}

function toggleTheme() {
	const theme = app.dark ? "light" : "dark";
	rememberTheme(theme);
	go({ theme }, true);
}

const toggles = {
	live: toggleLive,
	utc: () => go({ utc: app.state.utc ? "" : "1" }, true),
	flip: () => go({ flip: app.state.flip ? "" : "1" }, true),
	theme: toggleTheme,
	"help-button": () => byId("help").showModal(),
	"search-next": () => stepMatch(1),
	"search-previous": () => stepMatch(-1),
	"clear-selection": () => go({ sel: "" }),
	"zoom-selection": () => {
		const range = currentRange();
		go({
			from: timeParam(range.from),
			until: timeParam(range.until),
			sel: "",
			live: "",
		});
	},
};
for (const [id, action] of Object.entries(toggles)) byId(id).addEventListener("click", action);

byId("color").addEventListener("change", (e) => go({ color: e.target.value }));
byId("search").addEventListener("input", (e) => go({ search: e.target.value }, true));
byId("search-form").addEventListener("submit", (e) => {
	e.preventDefault();
	stepMatch(1);
});
for (const button of document.querySelectorAll("[data-view]"))
	button.addEventListener("click", () => go({ view: button.dataset.view }));

const keys = {
	"/": () => byId("search").focus(),
	"?": () => byId("help").showModal(),
	n: () => stepMatch(1),
	N: () => stepMatch(-1),
	t: () => go({ view: app.state.view === "graph" ? "table" : "graph" }),
	i: toggles.flip,
	u: toggles.utc,
	d: toggleTheme,
	l: toggleLive,
};

listenForKeys(
	(key) => ((report && key === "l") || !(app.tree || key === "?") ? null : keys[key]),
	(field) => {
		if (field?.id === "search" && field.value) go({ search: "" }, true);
		else if (field) field.blur();
		else if (app.state.zoom || app.state.rest) go({ zoom: "", rest: "" });
		else if (app.state.search) go({ search: "" });
	},
	() => tooltip.hide(),
);
closeMenusOutside();

document.addEventListener("scroll", () => tooltip.hide(), { passive: true, capture: true });
onSystemTheme(() => {
	showLook();
	if (app.tree) {
		showColors();
		showTable(true);
	}
});

if (!report) watchQuality(fetchStatus);

/* ---- start ---- */

if (report) {
	showLook();
	showControls();
	loadReport();
} else {
	show(null);
	filters.loadLabels();
}
