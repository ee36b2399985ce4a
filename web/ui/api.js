/*
 * The daemon's answers: web/API.md over fetch.
 *
 * A profile is asked for in its binary form. The page's clock may differ from the daemon's, whose
 * times count: the Date header tells by how much.
 */
import { readFlame, unpackFlame } from "./flame.js";
import { timeParam } from "./state.js";
import { buildingTree } from "./tree.js";
import { runSliced, yieldToPage } from "./dom.js";

const FLAME = "application/vnd.hearth.flame";
const SKEW_MIN_MS = 2000; /* the header has whole seconds */

let skewMs = 0;

export const serverNow = () => Date.now() + skewMs;

/* What went wrong, in words for people; `status` is the HTTP one, 0 when no answer came. */
export class ApiError extends Error {
	constructor(status, message) {
		super(message);
		this.status = status;
	}
}

/* "api/v1/NAME?..." relative to the page, so that a reverse proxy may put it in a folder. */
export function apiUrl(name, params) {
	const query = new URLSearchParams();
	for (const [key, value] of Object.entries(params)) {
		if (value !== "" && value !== undefined) query.set(key, value);
	}
	const text = query.toString();
	return "api/v1/" + name + (text ? "?" + text : "");
}

export function rangeParams(range, match) {
	return { from: timeParam(range.from), until: timeParam(range.until), match };
}

async function request(url, signal, accept = "application/json") {
	let response;
	try {
		response = await fetch(url, { signal, headers: { Accept: accept } });
	} catch (e) {
		if (e.name === "AbortError") throw e;
		throw new ApiError(0, "The daemon does not answer.");
	}
	const date = Date.parse(response.headers.get("Date"));
	if (date) skewMs = Math.abs(date - Date.now()) < SKEW_MIN_MS ? 0 : date - Date.now();
	if (!response.ok) throw new ApiError(response.status, await errorMessage(response));
	return response;
}

async function errorMessage(response) {
	try {
		const { message } = (await response.json()).error;
		if (message) return String(message);
	} catch {
		/* something else than the daemon has answered */
	}
	return "The daemon answered with HTTP status " + response.status + ".";
}

async function requestJson(url, signal) {
	return (await request(url, signal)).json();
}

/*
 * The address of a range's profile in some format, or of two compared: base is {range, match} or
 * null; by: labels in the processes' place, with commas.
 */
export function profileUrl(range, match, by, base, format) {
	/** @type {any} */
	const params = { ...rangeParams(range, match), format };
	if (base) {
		params.base_from = timeParam(base.range.from);
		params.base_until = timeParam(base.range.until);
		params.base_match = base.match;
	}
	const url = apiUrl(base ? "diff" : "profile", params);
	return by
		? url +
				by
					.split(",")
					.map((label) => "&by=" + label)
					.join("")
		: url;
}

/* The call tree at an address of profileUrl() with format `flame`. */
export async function fetchProfile(url, signal) {
	const response = await request(url, signal, FLAME + ", application/json");
	return treeOfFlame(readFlame(await response.arrayBuffer()));
}

/* The call tree of a report's text. */
export const readProfile = async (text) => treeOfFlame(readFlame(await unpackFlame(text)));

/* The call tree of what a screen can show, as it stands in the page. */
export function readFirst(value) {
	const Column = value.samples < 2 ** 32 ? Uint32Array : Float64Array;
	return treeOfFlame({ value, column: (numbers) => new Column(numbers) });
}

const AT_ONCE_MAX = 20000; /* nodes that are read in one task with what came before */

async function treeOfFlame({ value, column }) {
	if (value.depth.length > AT_ONCE_MAX) await yieldToPage();
	return runSliced(buildingTree(value, column));
}

export function fetchSeries(range, stepMs, match, by, signal) {
	const step = stepMs < 1000 ? stepMs + "ms" : stepMs / 1000 + "s";
	return requestJson(apiUrl("series", { ...rangeParams(range, match), step, by }), signal);
}

export const fetchHeatmap = (range, match, signal) =>
	requestJson(apiUrl("heatmap", rangeParams(range, match)), signal);

/* Every sample of a range, as text. */
export async function fetchSamples(range, match, signal) {
	const url = apiUrl("profile", { ...rangeParams(range, match), format: "samples" });
	return (await request(url, signal)).text();
}

/* What code cost in a range; kind: `source`. */
export function fetchCode(kind, range, params, signal) {
	const all = { ...rangeParams(range, params.match), ...params };
	return requestJson(apiUrl(kind, all), signal);
}

export const fetchBuilds = (range, match, signal) =>
	requestJson(apiUrl("builds", rangeParams(range, match)), signal);

export async function fetchLabels(signal) {
	return (await requestJson(apiUrl("labels", {}), signal)).labels.map(String);
}

export async function fetchValues(label, range, match, signal) {
	return (
		await requestJson(
			apiUrl(
				`labels/${encodeURIComponent(label)}/values`,
				rangeParams(range, match),
			),
			signal,
		)
	).values.map(String);
}

/* What the server offers to the page. */
export const fetchOffers = () => requestJson(apiUrl("viewer", {}));

export const fetchStatus = (signal) => requestJson(apiUrl("status", {}), signal);
