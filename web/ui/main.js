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
import { byId, element, swatch } from "./dom.js";
import { Filters } from "./filters.js";
import { FlameGraph } from "./flamegraph.js";
import {
	cutMiddle,
	formatClock,
	formatCount,
	formatDuration,
	formatPercent,
	formatSpan,
	formatTime,
	visibleName,
} from "./format.js";
import { colorFrames, ObjectColors, themePalette } from "./palette.js";
import { showPath } from "./pathtree.js";
import { compileSearch, matchedWithin, matchNumber, nextMatch, searchTree } from "./search.js";
import { addMatcher } from "./selector.js";
import { seriesLayers } from "./series.js";
import {
	decodeState,
	encodeState,
	parseTime,
	parseSelection,
	selectionParam,
	timeParam,
	windowOf,
} from "./state.js";
import { describeDaemon, describeLosses, qualityOf } from "./status.js";
import { FunctionTable } from "./table.js";
import { applyTheme, onSystemTheme, rememberTheme } from "./theme.js";
import { Timeline } from "./timeline.js";
import { describeBox, describeNode, termList, Tooltip } from "./tooltip.js";
import { exactPattern } from "./top.js";
import { findPath, frameName, pathId, pathTo } from "./tree.js";

/* between refreshes of a live window; after each answer, so slow answers slow it down */
const LIVE_MS = 3000;
const SETTLE_MS = 250; /* after the last move of the wheel before the window is asked for */
const LAYERS_MAX = 8; /* processes with a colour of their own in the timeline */
const LEGEND_MAX = 9;
const PROGRESS_MS = 150; /* quicker answers show no progress */

const root = document.documentElement;
const report = byId("hearth-report");

const app = {
	state: decodeState(report ? location.hash : location.search),
	window: {
		from: 0,
		until: 1,
	} /* of the timeline, in milliseconds: relative times resolved */,
	tree: null,
	coloring: null /* {slots, legend} */,
	found: null /* of searchTree */,
	focus: -1,
	dark: false,
	matchError: "",
	loads: {} /* running requests by kind: an AbortController each */,
	objectColors: new ObjectColors(),
	processColors: new ObjectColors(),
	series: null,
	liveTimer: 0,
	settleTimer: 0,
};

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
			/*
			 * a report opened from a file may not have an address of its own; it works
			 * without
			 */
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

/*
 * Runs `work(signal)`, ending an older run of the same kind. What it returns is for the newest run
 * only.
 */
async function load(kind, work) {
	app.loads[kind]?.abort();
	const controller = (app.loads[kind] = new AbortController());
	showReady();
	try {
		return { value: await work(controller.signal) };
	} catch (error) {
		return controller.signal.aborted ? { aborted: true } : { error };
	} finally {
		if (app.loads[kind] === controller) delete app.loads[kind];
	}
}

function showReady() {
	root.dataset.ready = Object.keys(app.loads).length ? "0" : "1";
}

async function loadProfile(quiet) {
	const range = currentRange();
	const progress = setTimeout(
		() => (byId("progress").hidden = false),
		quiet ? 60000 : PROGRESS_MS,
	);
	if (!app.tree) showMessage("Loading the profile …");
	const result = await load("profile", (signal) =>
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
	const result = await load("series", async (signal) => {
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
	showMessage("Reading the profile …");
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
	const utc = app.state.utc === "1";
	if (app.tree)
		byId("report-title").textContent =
			`${formatTime(app.tree.startMs, utc)} to ${formatTime(app.tree.endMs, utc)}${utc ? " UTC" : ""}`;
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
	showQuality();
	if (tree.samples > 0) hideMessage();
	else await showEmpty();
}

function showColors() {
	const { tree } = app;
	app.coloring = colorFrames(tree, app.state.color, app.objectColors);
	const { legend, slots } = app.coloring;
	graph.setColors(app.palette, slots);
	const shown = legend
		.slice(0, LEGEND_MAX)
		.map((g) =>
			element(
				"li",
				{ title: visibleName(g.name) },
				swatch(app.palette.bars[g.slot]),
				cutMiddle(legendName(g.name), 40),
				element(
					"span",
					{ class: "quiet" },
					formatPercent(g.samples, tree.samples),
				),
			),
		);
	if (legend.length > LEGEND_MAX)
		shown.push(
			element(
				"li",
				{ class: "quiet" },
				`and ${formatCount(legend.length - LEGEND_MAX)} more`,
			),
		);
	byId("legend").replaceChildren(...shown);
}

const KIND_WORDS = { label: "processes", incomplete: "incomplete stacks" };

function legendName(name) {
	if (KIND_WORDS[name]) return KIND_WORDS[name];
	const text = visibleName(name);
	return text.slice(text.lastIndexOf("/") + 1) || text;
}

function showZoom(keepScroll) {
	const { tree, state } = app;
	const node = findPath(tree, state.zoom);
	const rest = state.rest ? findPath(tree, state.rest) : 0;
	graph.setZoom(node, rest && tree.parent[rest] === node ? rest : 0, keepScroll);
	root.dataset.zoom = node ? frameName(tree, tree.frame[node]).slice(0, 200) : "";
	showCrumbs(node, rest);
	if (app.found) showMatched();
}

/*
 * The way to the zoomed node: the process, the last callers, and the node; what is left out is
 * counted.
 */
function showCrumbs(node, rest) {
	const { tree } = app;
	const host = byId("crumbs");
	host.hidden = !node && !rest;
	if (host.hidden) {
		host.replaceChildren();
		return;
	}
	const path = pathTo(tree, node);
	const kept = path.length > 6 ? [path[0], path[1], -1, ...path.slice(-3)] : path;
	const items = kept.map((i) => {
		if (i < 0)
			return element(
				"li",
				{ class: "quiet" },
				`${formatCount(path.length - 5)} callers`,
			);
		const name = visibleName(frameName(tree, tree.frame[i]));
		return element(
			"li",
			{},
			element(
				"button",
				{
					type: "button",
					class: "link",
					title: cutMiddle(name, 400),
					"aria-current": i === node && !rest ? "true" : null,
					onclick: () => go({ zoom: pathId(tree, i), rest: "" }),
				},
				i ? cutMiddle(name, 48) : "all",
			),
		);
	});
	if (rest) items.push(element("li", { "aria-current": "true" }, "small calls"));
	host.replaceChildren(
		element("ol", {}, ...items),
		element(
			"button",
			{
				type: "button",
				class: "link reset",
				onclick: () => go({ zoom: "", rest: "" }),
			},
			"Reset zoom",
		),
	);
}

function showFocus(node, quiet) {
	app.focus = node;
	showPath(byId("graph"), byId("path"), app.tree, node);
	const text = node >= 0 && app.tree.length ? describeNode(app.tree, node) : graphHint();
	if (!quiet || byId("details").textContent !== text) byId("details").textContent = text;
}

function graphHint() {
	const { tree } = app;
	return (
		`${formatCount(tree.samples)} samples · ${formatDuration(tree.samples * tree.periodNs)} of CPU time · ` +
		`${formatCount(tree.length)} call paths`
	);
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
	let text = found.nodes
		? `${formatPercent(found.samples, tree.samples)} matched`
		: "No match";
	if (zoom && found.nodes)
		text += `, ${formatPercent(matchedWithin(tree, found.frames, zoom).samples, tree.total[zoom])} of the zoomed part`;
	byId("search-result").textContent = text;
}

function stepMatch(step) {
	if (!app.found?.nodes) return;
	const node = nextMatch(app.tree, app.found.frames, Math.max(app.focus, 0), step);
	if (app.state.view !== "graph") go({ view: "graph" });
	graph.focus(node);
	byId("search-result").textContent =
		`${formatCount(matchNumber(app.tree, app.found.frames, node))} of ${formatCount(app.found.nodes)} · ` +
		`${formatPercent(app.found.samples, app.tree.samples)} matched`;
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
	byId("timeline-legend").replaceChildren(...layers.map((l) => processItem(l, total)));
}

function processItem(layer, total) {
	const name = cutMiddle(visibleName(layer.name), 32) || "(no name)";
	const parts = [
		swatch(layer.color),
		name,
		element("span", { class: "quiet" }, formatPercent(layer.total, total)),
	];
	if (layer.other) return element("li", {}, element("span", {}, ...parts));
	return element(
		"li",
		{},
		element(
			"button",
			{
				type: "button",
				class: "link",
				title: "Show only " + name,
				onclick: () =>
					go({
						match: addMatcher(app.state.match, {
							label: "comm",
							op: "=",
							value: layer.name,
						}),
					}),
			},
			...parts,
		),
	);
}

function showMoment(moment, x, y) {
	if (!moment) {
		tooltip.hide();
		return;
	}
	const utc = app.state.utc === "1";
	const title = moment.range
		? `${formatClock(moment.range.from, utc)} – ${formatClock(moment.range.until, utc)} (${formatSpan(moment.range.until - moment.range.from)})`
		: formatTime(moment.ms, utc);
	const parts = moment.parts
		.slice()
		.sort((a, b) => b.cpus - a.cpus)
		.slice(0, LAYERS_MAX + 1);
	tooltip.show(
		x,
		y,
		element("p", { class: "tip-name" }, title),
		termList(
			parts.map((p) => [
				cutMiddle(visibleName(p.name), 32) || "(no name)",
				`${p.cpus.toPrecision(2)} CPU`,
			]),
		),
	);
}

function showQuality() {
	const { text, level } = qualityOf(app.tree);
	byId("quality-text").textContent = text;
	byId("quality").dataset.level = level;
	byId("losses").replaceChildren(...describeLosses(app.tree));
}

byId("quality").addEventListener("toggle", async () => {
	if (report || !byId("quality").open) return;
	try {
		byId("daemon").replaceChildren(...describeDaemon(await fetchStatus()));
	} catch (error) {
		byId("daemon").replaceChildren(element("p", { class: "quiet" }, error.message));
	}
});

/* ---- messages in the place of the graph ---- */

function showMessage(...children) {
	byId("message").replaceChildren(...children);
	byId("message").hidden = false;
}

function hideMessage() {
	byId("message").hidden = true;
}

function showFailure(error) {
	root.dataset.error = error.message;
	if (error.status === 400 && app.state.match) {
		app.matchError = error.message;
		showMessage(
			element("h2", {}, "This question has no answer"),
			element("p", {}, error.message),
			element(
				"button",
				{ type: "button", onclick: () => go({ match: "" }) },
				"Clear the filter",
			),
		);
		return;
	}
	showMessage(
		element("h2", {}, "The profile could not be loaded"),
		element("p", {}, error.message),
		report
			? ""
			: element(
					"button",
					{ type: "button", onclick: () => show(null) },
					"Try again",
				),
	);
}

async function showEmpty() {
	const children = [
		element("h2", {}, "No samples"),
		element(
			"p",
			{},
			app.state.match
				? "Nothing in this range matches the filter."
				: "Nothing was sampled in this range.",
		),
	];
	if (!report) {
		const status = await fetchStatus().catch(() => null);
		children.push(...storeHint(status?.store));
		if (app.state.match)
			children.push(
				element(
					"button",
					{ type: "button", onclick: () => go({ match: "" }) },
					"Clear the filter",
				),
			);
		if (app.state.sel)
			children.push(
				element(
					"button",
					{ type: "button", onclick: () => go({ sel: "" }) },
					"Whole window",
				),
			);
		children.push(
			element(
				"button",
				{
					type: "button",
					onclick: () => go({ from: "-1h", until: "now", sel: "" }),
				},
				"The last hour",
			),
		);
	}
	if (!app.tree?.samples) showMessage(...children);
}

/* What the store has, from the status: times in any form the API uses. */
function storeHint(store) {
	const utc = app.state.utc === "1";
	const [from, until] = [store?.from, store?.until].map((t) =>
		typeof t === "number"
			? t > 1e14
				? t / 1e6
				: t * 1000
			: typeof t === "string"
				? parseTime(t, serverNow())
				: null,
	);
	if (!from || !until || until <= from) return [];
	return [
		element(
			"p",
			{ class: "quiet" },
			`The store holds ${formatTime(from, utc)} to ${formatTime(until, utc)}.`,
		),
		element(
			"button",
			{
				type: "button",
				onclick: () =>
					go({
						from: timeParam(from),
						until: timeParam(until + 1000),
						sel: "",
					}),
			},
			"Everything stored",
		),
	];
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

function setPressed(button, pressed) {
	button.setAttribute("aria-pressed", String(pressed));
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

function timeText(value) {
	return /^[\d.]+$/.test(value)
		? formatTime(Number(value) * 1000, app.state.utc === "1", true)
		: value;
}

function showRange() {
	const { state } = app;
	const utc = state.utc === "1";
	for (const id of ["from", "until"]) {
		if (document.activeElement !== byId(id)) byId(id).value = timeText(state[id]);
	}
	byId("times").classList.toggle(
		"exact",
		[state.from, state.until].some((t) => /^\d/.test(t)),
	);
	const range = currentRange();
	const sameDay =
		formatTime(range.from, utc).slice(0, 10) ===
		formatTime(range.until, utc).slice(0, 10);
	byId("range-text").setAttribute("aria-live", state.live ? "off" : "polite");
	byId("range-text").textContent =
		`${formatTime(range.from, utc)} – ${sameDay ? formatClock(range.until, utc) : formatTime(range.until, utc)}` +
		`${utc ? " UTC" : ""} · ${formatSpan(range.until - range.from)}${state.sel ? " selected" : ""}`;
	byId("clear-selection").hidden = byId("zoom-selection").hidden = !state.sel;
	timeline.setSelection(state.sel ? parseSelection(state.sel) : null);
	for (const link of document.querySelectorAll("#downloads [data-format]"))
		link.href = apiUrl("profile", {
			...rangeParams(range, state.match),
			format: link.dataset.format,
		});
}

/* Typed times: those without a zone are meant as they are shown. */
function typedTime(text) {
	const t = text.trim();
	const zoneless = /^\d{4}-\d\d-\d\d[T ]\d\d:\d\d(:\d\d(\.\d+)?)?$/.test(t);
	const ms = parseTime(zoneless && app.state.utc ? t + "Z" : t, serverNow());
	if (ms === null) return null;
	return /^-|^now$/.test(t) ? t : timeParam(ms);
}

byId("times").addEventListener("submit", (e) => {
	e.preventDefault();
	const change = { sel: "", live: "" };
	for (const id of ["from", "until"]) {
		change[id] = typedTime(byId(id).value);
		byId(id).setAttribute("aria-invalid", String(change[id] === null));
		if (change[id] === null) return;
	}
	document.activeElement.blur();
	go(change);
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

document.addEventListener("keydown", (e) => {
	tooltip.hide();
	if (e.ctrlKey || e.metaKey || e.altKey || byId("help").open) return;
	const typing = e.target.matches("input, select, textarea");
	if (e.key === "Escape") {
		escape(typing ? e.target : null);
	} else if (
		!typing &&
		keys[e.key] &&
		(!report || e.key !== "l") &&
		(app.tree || e.key === "?")
	) {
		e.preventDefault();
		keys[e.key]();
	}
});

/* Escape closes what is open, leaves a box, or zooms out: one thing at a time. */
function escape(field) {
	const menu = document.querySelector("details.menu[open]");
	if (menu) menu.open = false;
	else if (field?.id === "search" && field.value) go({ search: "" }, true);
	else if (field) field.blur();
	else if (app.state.zoom || app.state.rest) go({ zoom: "", rest: "" });
	else if (app.state.search) go({ search: "" });
}

document.addEventListener("pointerdown", (e) => {
	for (const menu of document.querySelectorAll("details.menu[open]")) {
		if (!menu.contains(e.target)) menu.open = false;
	}
});
document.addEventListener("scroll", () => tooltip.hide(), { passive: true, capture: true });
onSystemTheme(() => {
	showLook();
	if (app.tree) {
		showColors();
		showTable(true);
	}
});

/* ---- start ---- */

if (report) {
	showLook();
	showControls();
	loadReport();
} else {
	show(null);
	filters.loadLabels();
}
