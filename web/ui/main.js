/*
 * The viewer: state in, page out.
 *
 * Every action is a change of the state (state.js) through `go`, which writes the address and shows
 * what changed; going back is the same with a state from the address. The profile's views are in
 * views.js, those of time in timeviews.js. Modules use only named imports and exports, and no
 * two of them share a top-level name, so that the build can join them to one script.
 *
 * For tests, <html> carries data-ready ("1" when all that was asked for is shown), data-samples,
 * data-nodes, data-from and data-until (milliseconds), data-matched (percent), data-zoom (name),
 * data-base-samples, data-error.
 */
import { readAddress, report, writeAddress } from "./address.js";
import {
	fetchLabels,
	fetchOffers,
	fetchProfile,
	fetchStatus,
	fetchValues,
	profileUrl,
	readFirst,
	readProfile,
	serverNow,
} from "./api.js";
import { watchBuilds } from "./builds.js";
import { baseRange } from "./compare.js";
import { all, byId, facts, on, painted, pause, placeWaiting, setPressed } from "./dom.js";
import { showDownloads } from "./downloads.js";
import { Filters } from "./filters.js";
import { closeMenusOutside, listenForKeys } from "./keyboard.js";
import { THIN_PX } from "./layout.js";
import { Loads } from "./loads.js";
import { emptyMessage, failureMessage } from "./messages.js";
import { themePalette } from "./palette.js";
import { savePng, saveSvg } from "./picture.js";
import { encodeState, parseSelection, selectionParam, timeParam, windowOf } from "./state.js";
import { showQuality, watchQuality } from "./status.js";
import { applyTheme, onSystemTheme, rememberTheme } from "./theme.js";
import { rangeText, timeText, typedTimes } from "./times.js";
import { TimeViews } from "./timeviews.js";
import { Tooltip } from "./tooltip.js";
import { Views } from "./views.js";

/* between two refreshes of a live window, after each answer */
const LIVE_MS = 3000;
const REST_MS = 100; /* from the first graph's frame to all else: it is then on the screen */
const WAIT_MS = 700; /* for the first graph, before anything else is asked for */
const PROGRESS_MS = 150; /* quicker answers show no progress */
const WIDE = 1200; /* px: no row above the graph wraps */
/* px: the height of those above the graph's section, and of those in it */
const ABOVE = byId("hearth-series") ? 241 : report ? 53 : 283;
const TOOLS = 74;
const BASE_WORDS = { prev: "just before", "1h": "the hour before", "24h": "the day before" };

const app = {
	state: readAddress(),
	/* of the timeline, in milliseconds: relative times resolved */
	window: { from: 0, until: 1 },
	dark: false,
	palette: null,
	report,
	matchError: "",
	offers: { speedscope: null, token: false } /* what the server offers */,
	liveTimer: 0,
	go,
	ready: showReady,
	showRange,
};

/* What a screen can show of the first profile, where it stands in the page. */
const first = embedded("hearth-first");

app.window = first
	? { from: Math.round(first.start_ns / 1e6), until: Math.round(first.end_ns / 1e6) }
	: windowOf(app.state, serverNow());

/*
 * How the page comes up. The document has the graph, which is hidden at first; all else waits in
 * templates, so that nothing of it is styled, laid out and painted before the graph. The script
 * stands behind them, and what a screen can show of the profile before it: of that the graph is
 * drawn, where it will stay, in the task that runs the script, for the first frame. The rest
 * follows REST_MS after that is on the screen: see loadRest(); with it all of the profile, which is
 * then asked for, or stands behind the script of a report.
 *
 * A page without that part, and a report whose address wants more than its graph, asks for its
 * profile, or reads it, at once. All is put in place at once where that takes longer than
 * PROGRESS_MS, another view is wanted, or the rows above the graph may be of any height.
 *
 * Nothing is asked for by the script's own code: a browser notes with a request where it comes from
 * and would read the whole script again to tell the line.
 */
let asked = Promise.resolve().then(() =>
	first?.parts * THIN_PX >= innerWidth && !location.hash
		? readFirst(first)
		: report
			? readReport()
			: fetchProfile(profileAddress()),
);
if (!report) setTimeout(loadRest, WAIT_MS);
await Promise.resolve();

const loads = new Loads(showReady);
const tooltip = new Tooltip(byId("tooltip"));
const views = new Views(app, tooltip, loads, currentRange);
let times = null; /* made by loadRest(), as filters by placeAll() */
let filters = null;
let whole = false; /* nothing waits any more */

/* ---- state and address ---- */

/* Changes the state. `replace`: not a step to go back to (typing, wheel). */
function go(change, replace) {
	const before = { ...app.state };
	Object.assign(app.state, change);
	const query = encodeState(app.state);
	if (query !== encodeState(before)) writeAddress(query, replace);
	show(before);
}

on(window, "popstate", () => {
	const before = app.state;
	app.state = readAddress();
	show(before);
});

/*
 * Shows the differences between a former state and this one; null shows all. The promise is of the
 * profile.
 */
function show(before) {
	const changed = (...keys) => !before || keys.some((k) => before[k] !== app.state[k]);
	if (changed("from", "until", "live") && !asked)
		app.window = windowOf(app.state, serverNow());
	if (whole) showControls();
	if (before && changed("theme", "utc")) showLook();
	if (times && !report) {
		if (changed("from", "until", "match", "live", "tby", "time")) times.load();
		else if (changed("sel")) times.loadLanes();
	}
	if (changed("live", "from", "until")) scheduleLive();
	return !report && changed("from", "until", "match", "sel", "live", "by", "base", "bmatch")
		? loadProfile()
		: loads.run("views", () => views.change(changed)).then(showReady);
}

function currentRange() {
	return app.state.sel ? parseSelection(app.state.sel) : app.window;
}

/* What the range is compared with: {range, match}, or null. */
function currentBase() {
	const { base, bmatch } = app.state;
	return base ? { range: baseRange(base, currentRange()), match: bmatch } : null;
}

/* ---- loading ---- */

function showReady() {
	facts.ready = loads.idle && times ? "1" : "0";
}

function profileAddress() {
	const { match, by } = app.state;
	return profileUrl(currentRange(), match, by, currentBase(), "flame");
}

async function loadProfile(quiet) {
	const range = currentRange();
	const progress = setTimeout(
		() => (byId("progress").hidden = false),
		quiet ? 60000 : PROGRESS_MS,
	);
	if (!views.source) showMessage(["Loading the profile \u2026"]);
	const result = await loads.run("profile", async (signal) => {
		const answer = asked ?? fetchProfile(profileAddress(), signal);
		asked = null;
		const tree = await answer;
		if (!signal.aborted) await showTree(tree, range, quiet);
	});
	clearTimeout(progress);
	if (result.aborted) return;
	byId("progress").hidden = true;
	app.matchError = "";
	if (result.error) showFailure(result.error);
	filters?.show(app.state.match, app.matchError);
	showReady();
}

/* What stands in a report, and is then left to the collector; "" where it has none. */
function textOf(id) {
	const text = byId(id)?.textContent ?? "";
	byId(id)?.remove();
	return text;
}

function embedded(id) {
	const text = textOf(id);
	return text ? JSON.parse(text) : null;
}

/* All of the profile stands at the end of a report, which may still be on its way. */
async function readReport() {
	while (document.readyState === "loading") await pause(10);
	return readProfile(textOf("hearth-report"));
}

async function loadReport(answer, quiet) {
	const { error } = await loads.run("profile", async () => {
		const tree = await answer;
		app.window = { from: tree.startMs, until: tree.endMs };
		await showTree(tree, app.window, quiet);
	});
	if (error) showFailure(error);
	showReportTitle();
	showReady();
}

/* A report: the profile stands in the page, and with it, what was known of time. */
function startReport() {
	facts.mode = "report";
	byId("timeline-room").hidden = !byId("hearth-series");
	return loadReport(asked);
}

function showReportTime() {
	times.series = embedded("hearth-series");
	const heat = embedded("hearth-heatmap");
	byId("report-time").hidden = !heat;
	times.setWindow(app.window);
	if (times.series) times.showSeries();
	if (heat) times.showHeatmap(heat);
}

function showReportTitle() {
	if (!views.source) return;
	byId("report-title").textContent = rangeText(app.window, app.state.utc === "1", false);
}

function scheduleLive() {
	clearTimeout(app.liveTimer);
	if (!report && app.state.live) app.liveTimer = setTimeout(refresh, LIVE_MS);
}

async function refresh() {
	if (!document.hidden) {
		app.window = windowOf(app.state, serverNow());
		showRange();
		await Promise.all([times?.load(), loadProfile(true)]);
	}
	scheduleLive();
}

async function showTree(tree, range, quiet) {
	Object.assign(facts, {
		samples: tree.samples,
		nodes: tree.length,
		from: range.from,
		until: range.until,
		baseSamples: tree.base ? tree.base.samples : "",
	});
	delete facts.error;
	byId("changes-tab").hidden = !tree.base;
	if (tree.samples > 0 || tree.base?.samples > 0) hideMessage();
	else await showEmpty();
	await views.setSource(tree, quiet);
	if (!times) views.graph.flush();
	if (!report && whole) showCompared(app.state.utc === "1");
	await painted();
	if (times) showQuality(tree);
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
	facts.error = error.message;
	if (error.status === 400 && app.state.match) app.matchError = error.message;
	showMessage(failureMessage(error, app.state.match, act));
}

async function showEmpty() {
	const status = report ? null : await fetchStatus().catch(() => null);
	showMessage(emptyMessage(app.state, status, serverNow(), report, act));
}

/* ---- controls ---- */

function showLook() {
	app.dark = applyTheme(app.state.theme);
	app.palette = {
		...themePalette(app.dark),
		page: getComputedStyle(document.body).backgroundColor,
	};
	if (times) showTimeLook();
}

function showTimeLook() {
	times.setLook(
		{
			grid: getComputedStyle(byId("top")).borderBottomColor,
			text: getComputedStyle(byId("range-text")).color,
		},
		app.state.utc === "1",
	);
}

function showControls() {
	const { state } = app;
	for (const id of SWITCHES) setPressed(byId(id), state[id] === "1");
	for (const id of CHOICES) byId(id).value = state[id];
	const chosen = SWITCHES.filter((id) => READINGS_OF_MENU.includes(id) && state[id]);
	byId("look-count").textContent = chosen.length ? ` (${chosen.length})` : "";
	for (const name of CHOSEN)
		for (const button of all(`[data-${name}]`))
			setPressed(button, button.dataset[name] === state[name]);
	for (const name of ["heat", "lanes"])
		byId(name + "-view").hidden =
			state.time !== name || (report && name === "lanes");
	for (const button of all("[data-range]"))
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
	times?.setSelection(state.sel ? parseSelection(state.sel) : null);
	showCompared(utc);
	showDownloads(app, range, currentBase());
}

function showCompared(utc) {
	const base = currentBase();
	const word = BASE_WORDS[app.state.base] ?? "another range";
	byId("compare-text").textContent = base ? "Compared with " + word : "Compare";
	byId("compare").dataset.on = base ? "1" : "";
	byId("base-text").hidden = !base;
	const none = views.source?.base?.samples === 0 ? ": no samples there" : "";
	byId("base-text").textContent = base
		? "against " + rangeText(base.range, utc, false) + none
		: "";
	if (base && !byId("base-form").contains(document.activeElement))
		for (const id of ["from", "until"])
			byId("base-" + id).value = timeText(timeParam(base.range[id]), utc);
}

function submitTimes(form, ids, then) {
	on(byId(form), "submit", (e) => {
		e.preventDefault();
		const fields = { from: byId(ids[0]), until: byId(ids[1]) };
		const typed = typedTimes(fields, app.state.utc === "1", serverNow());
		if (!typed) return;
		byId(ids[0]).blur();
		byId(ids[1]).blur();
		then(typed);
	});
}

/* Pausing keeps the moment that is shown. */
function toggleLive() {
	if (app.state.live)
		go({
			live: "",
			from: timeParam(app.window.from),
			until: timeParam(app.window.until),
		});
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

const READINGS_OF_MENU = ["invert", "merge", "kernel", "lib", "flip"];
/* the first two have actions of their own */
const SWITCHES = ["utc", "live", "abs", "sides", ...READINGS_OF_MENU];
const CHOSEN = ["view", "time", "base", "part"]; /* by buttons with data-NAME */
const CHOICES = ["color", "by", "tby", "bmatch"];
const switchOf = (id) => () => go({ [id]: app.state[id] ? "" : "1" });

/** @type {Object<string, () => void>} */
const toggles = {
	live: toggleLive,
	utc: () => go({ utc: app.state.utc ? "" : "1" }, true),
	...Object.fromEntries(SWITCHES.slice(2).map((id) => [id, switchOf(id)])),
	theme: toggleTheme,
	"help-button": () => byId("help").showModal(),
	"search-next": () => views.stepMatch(1),
	"search-previous": () => views.stepMatch(-1),
	"clear-selection": () => go({ sel: "" }),
	"clear-base": () => go({ base: "", bmatch: "" }),
	"save-svg": () => saveSvg(views.graph, byId("range-text").textContent),
	"save-png": () => savePng(views.graph),
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

/* Other labels are other paths: a zoom would be lost. */
const zoomless = (id) => (id === "by" ? { zoom: "", rest: "" } : {});

const keys = {
	"/": () => byId("search").focus(),
	"?": () => byId("help").showModal(),
	n: () => views.stepMatch(1),
	N: () => views.stepMatch(-1),
	t: () => go({ view: app.state.view === "graph" ? "table" : "graph" }),
	s: () => views.sandwichOfFocus(),
	e: () => views.codeOfFocus("source"),
	a: () => views.codeOfFocus("asm"),
	h: () => go({ time: app.state.time === "heat" ? "cpu" : "heat" }),
	g: () => go({ time: app.state.time === "lanes" ? "cpu" : "lanes" }),
	c: () => (byId("compare").open = !byId("compare").open),
	i: toggles.flip,
	v: toggles.invert,
	r: toggles.merge,
	k: toggles.kernel,
	b: toggles.lib,
	u: toggles.utc,
	d: toggleTheme,
	l: toggleLive,
};

/* Of a digit: the view with that place in the row. */
function viewKey(key) {
	const { view } = all("[data-view]")[key - 1]?.dataset ?? {};
	return view && (() => go({ view }));
}

const LIVE_KEYS = ["l", "g", "c"];

/* ---- start ---- */

/* From then on the page acts. */
function listen() {
	submitTimes("times", ["from", "until"], (typed) => go({ ...typed, sel: "", live: "" }));
	submitTimes("base-form", ["base-from", "base-until"], (typed) => {
		const range = windowOf(typed, serverNow());
		go({ base: selectionParam(range), bmatch: byId("bmatch").value.trim() });
	});
	on(byId("ranges"), "click", (e) => {
		const range = e.target.closest("[data-range]")?.dataset.range;
		if (!range) return;
		const { from, until, sel } = app.state;
		if (from === range && until === "now" && !sel) refresh();
		else go({ from: range, until: "now", sel: "" });
	});
	for (const [id, action] of Object.entries(toggles)) on(byId(id), "click", action);
	for (const id of ["color", "by", "tby"])
		on(byId(id), "change", (e) => go({ [id]: e.target.value, ...zoomless(id) }));
	on(byId("search"), "input", (e) => go({ search: e.target.value }, true));
	on(byId("search-form"), "submit", (e) => {
		e.preventDefault();
		views.stepMatch(1);
	});
	for (const name of CHOSEN)
		for (const button of all(`[data-${name}]`))
			on(button, "click", () => go({ [name]: button.dataset[name] }));
	listenForKeys(
		(key) =>
			(report && LIVE_KEYS.includes(key)) || !(views.tree || key === "?")
				? null
				: (keys[key] ?? viewKey(key)),
		(field) => {
			if (field?.id === "search" && field.value) go({ search: "" }, true);
			else if (field) field.blur();
			else if (app.state.zoom || app.state.rest) go({ zoom: "", rest: "" });
			else if (app.state.search) go({ search: "" });
		},
		() => tooltip.hide(),
	);
	closeMenusOutside();
	on(document, "scroll", () => tooltip.hide(), { passive: true, capture: true });
	onSystemTheme(() => {
		showLook();
		views.change((...wanted) => wanted.includes("theme"));
	});
}

/* For what waits above the graph. */
function leaveRoom(above, tools) {
	byId("main").style.paddingTop = above;
	byId("stack").style.paddingTop = tools;
}

/* The rest of the page, around the graph. */
function placeAll() {
	if (whole) return;
	whole = true;
	placeWaiting();
	leaveRoom("", "");
	filters = report
		? null
		: new Filters(
				{
					labels: () => fetchLabels().catch(() => ["comm"]),
					values: (label) =>
						fetchValues(label, currentRange(), "").catch(
							() => [],
						),
				},
				(match) => go({ match }),
			);
	showControls();
}

/* What can wait until the first graph is on the screen, or WAIT_MS if it takes longer. */
function loadRest() {
	if (times) return;
	placeAll();
	times = new TimeViews(app, loads, tooltip, currentRange);
	listen();
	if (views.source) showQuality(views.source);
	showTimeLook();
	const { nodes, length } = views.source ?? {};
	if (report) {
		showReportTime();
		if (nodes > length) loadReport(readReport(), true);
		else showReady();
		return;
	}
	if (nodes > length) loadProfile(true);
	byId("icon").href = "favicon.svg";
	watchQuality(fetchStatus);
	watchBuilds(app, loads);
	showRange();
	times.load();
	filters.loadLabels();
	fetchOffers().then(
		(offers) => {
			app.offers = offers;
			showRange();
		},
		() => {},
	);
}

showLook();
const soon = await Promise.race([asked.then(() => true, () => {}), pause(PROGRESS_MS)]);
const { view, time, zoom, rest } = app.state;
if (soon && view === "graph" && time === "cpu" && !zoom && !rest && innerWidth >= WIDE)
	leaveRoom(ABOVE + "px", TOOLS + "px");
else placeAll();
byId("main").hidden = false;
(report ? startReport() : show(null)).then(() => setTimeout(loadRest, REST_MS));
