/*
 * What the page shows, as one plain object, and its form in the address bar.
 *
 * Everything a link should bring back is here and nothing else: times, selector, search, zoom, tab.
 * Times are text as the API takes them (`-1h`, `now`) or Unix seconds with decimals, so a link to
 * "the last hour" stays one. Unknown and malformed parameters are dropped, never an error:
 * addresses are foreign text too. Pure, no DOM.
 */

const QUERY_TEXT_MAX = 4096; /* characters of one parameter: longer ones are not typed by people */

function oneOf(initial, ...others) {
	return { initial, check: (v) => v === initial || others.includes(v) };
}

const FLAG = oneOf("", "1");
const isText = (v) => v.length <= QUERY_TEXT_MAX;
const isId = (v) => /^[0-9a-z]{1,12}$/.test(v);
const isLabels = (v) => /^[A-Za-z_]\w{0,63}(,[A-Za-z_]\w{0,63}){0,3}$/.test(v);
const isBase = (v) => ["prev", "1h", "24h"].includes(v) || parseSelection(v) !== null;
const isTime = (v) => parseTime(v, 0) !== null;

const TEXT = { initial: "", check: isText };

/* Each parameter once: its default, and what it may be. */
const FIELDS = {
	from: { initial: "-1h", check: isTime } /* the timeline's window */,
	until: { initial: "now", check: isTime },
	sel: {
		initial: "",
		check: (v) => v === "" || parseSelection(v) !== null,
	} /* selected range, FROM~UNTIL in seconds */,
	live: FLAG,
	match: TEXT,
	search: TEXT,
	zoom: { initial: "", check: isId } /* a call path's id, see tree.js */,
	rest: {
		initial: "",
		check: isId,
	} /* first of the small siblings that are zoomed together */,
	view: oneOf("graph", "table", "sandwich", "calls", "changes", "source", "asm"),
	fn: TEXT /* whose callers and callees are shown */,
	obj: TEXT /* the object of it whose instructions are shown */,
	src: TEXT /* the file of it whose source is shown */,
	color: oneOf("object", "kind", "package"),
	by: { initial: "", check: isLabels } /* labels in the processes' place */,
	flip: FLAG,
	invert: FLAG,
	merge: FLAG /* recursion */,
	kernel: FLAG /* hidden */,
	lib: FLAG /* collapsed */,
	base: { initial: "", check: isBase } /* compared with; "" nothing */,
	bmatch: TEXT /* the base's selector, where it is another */,
	abs: FLAG /* amounts are compared, not shares */,
	sides: FLAG /* side by side */,
	time: oneOf("cpu", "heat", "lanes"),
	tby: { initial: "comm", check: isLabels } /* what the timeline is stacked by */,
	sort: oneOf("self", "total", "name"),
	part: oneOf("self", "total") /* of functions, in what changed */,
	filter: TEXT /* of the table */,
	utc: FLAG,
	theme: { initial: "", check: (v) => v === "dark" || v === "light" },
};

const UNIT_MS = { s: 1000, m: 60000, h: 3600000, d: 86400000 };

/* Milliseconds since 1970 of a time as the API takes it; null for what is none. */
export function parseTime(text, nowMs) {
	const t = String(text).trim();
	if (t === "now") return nowMs;
	const ago = /^-(\d+(?:\.\d+)?)([smhd])$/.exec(t);
	if (ago) return nowMs - Number(ago[1]) * UNIT_MS[ago[2]];
	if (/^\d{1,11}(\.\d+)?$/.test(t)) return Number(t) * 1000;
	if (/^\d{4}-\d\d-\d\d[T ]\d\d:\d\d(:\d\d(\.\d+)?)?(Z|[+-]\d\d:\d\d)?$/.test(t)) {
		const ms = Date.parse(t.replace(" ", "T"));
		return Number.isNaN(ms) ? null : ms;
	}
	return null;
}

/* Unix seconds with milliseconds, as the API takes them. */
export const timeParam = (ms) => (Math.round(ms) / 1000).toFixed(3).replace(/\.?0+$/, "");

/* `FROM~UNTIL` in seconds to {from, until} in milliseconds; null where it is no range. */
export function parseSelection(text) {
	const m = /^(\d{1,11}(?:\.\d{1,9})?)~(\d{1,11}(?:\.\d{1,9})?)$/.exec(text);
	if (!m || Number(m[1]) >= Number(m[2])) return null;
	return { from: Number(m[1]) * 1000, until: Number(m[2]) * 1000 };
}

export const selectionParam = (range) => timeParam(range.from) + "~" + timeParam(range.until);

export function initialState() {
	const state = {};
	for (const key in FIELDS) state[key] = FIELDS[key].initial;
	return state;
}

/* From a query string, with or without its `?` or `#`. */
export function decodeState(query) {
	const state = initialState();
	const params = new URLSearchParams(query.replace(/^[?#]/, ""));
	for (const key in FIELDS) {
		const value = params.get(key);
		if (value !== null && FIELDS[key].check(value)) state[key] = value;
	}
	return state;
}

/* Only what differs from the defaults; "" when nothing does. */
export function encodeState(state) {
	const params = new URLSearchParams();
	for (const key in FIELDS) {
		if (state[key] !== FIELDS[key].initial) params.set(key, state[key]);
	}
	return params.toString();
}

/*
 * The timeline's window in milliseconds; an empty or reversed one becomes the default hour before
 * its end.
 */
export function windowOf(state, nowMs) {
	const until = parseTime(state.until, nowMs) ?? nowMs;
	const from = parseTime(state.from, nowMs) ?? until - UNIT_MS.h;
	return from < until ? { from, until } : { from: until - UNIT_MS.h, until };
}
