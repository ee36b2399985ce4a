/*
 * What stands in the place of the graph when there is none: a failure, or an empty range with the
 * ways out of it. Builders of elements; `act` is how they act: go(change) and retry().
 */
import { element } from "./dom.js";
import { formatTime } from "./format.js";
import { parseTime, timeParam } from "./state.js";

const messageButton = (text, onclick) => element("button", { onclick }, text);

/* retry: null where nothing can be asked again. */
export function failureMessage(error, match, act) {
	if (error.status === 400 && match)
		return [
			element("h2", "This question has no answer"),
			element("p", error.message),
			messageButton("Clear the filter", () => act.go({ match: "" })),
		];
	return [
		element("h2", "The profile could not be loaded"),
		element("p", error.message),
		act.retry ? messageButton("Try again", act.retry) : "",
	];
}

/* status: the daemon's, null where it is not known; a report (`offline`) has no ways out. */
export function emptyMessage(state, status, now, offline, act) {
	const text = state.match
		? "Nothing in this range matches the filter."
		: "Nothing was sampled in this range.";
	const children = [element("h2", "No samples"), element("p", text)];
	if (offline) return children;
	children.push(...storeHint(status?.store, state.utc === "1", now, act));
	if (state.match)
		children.push(messageButton("Clear the filter", () => act.go({ match: "" })));
	if (state.sel) children.push(messageButton("Whole window", () => act.go({ sel: "" })));
	children.push(
		messageButton("The last hour", () =>
			act.go({ from: "-1h", until: "now", sel: "" }),
		),
	);
	return children;
}

/* A time of the status, in any form the API uses, in milliseconds. */
function statusTime(t, now) {
	if (typeof t === "number") return t > 1e14 ? t / 1e6 : t * 1000;
	return typeof t === "string" ? parseTime(t, now) : null;
}

/* What the store has, and the way there. */
function storeHint(store, utc, now, act) {
	const from = statusTime(store?.from, now);
	const until = statusTime(store?.until, now);
	if (!from || !until || until <= from) return [];
	const all = { from: timeParam(from), until: timeParam(until + 1000), sel: "" };
	return [
		element(
			"p.quiet",
			`The store holds ${formatTime(from, utc)} to ${formatTime(until, utc)}.`,
		),
		messageButton("Everything stored", () => act.go(all)),
	];
}
