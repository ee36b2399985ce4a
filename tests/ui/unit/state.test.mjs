import assert from "node:assert/strict";
import test from "node:test";
import {
	decodeState,
	encodeState,
	initialState,
	parseSelection,
	parseTime,
	selectionParam,
	timeParam,
	windowOf,
} from "../../../web/ui/state.js";

test("the default page has an empty address", () => {
	assert.equal(encodeState(initialState()), "");
	assert.deepEqual(decodeState(""), initialState());
});

test("everything that was set comes back", () => {
	const state = {
		...initialState(),
		from: "-15m",
		sel: "1763640000.5~1763640010",
		match: '{comm="a b&c", x="\\""}',
		search: "^a+$#%",
		zoom: "k3x9",
		view: "table",
		color: "kind",
		sort: "total",
		filter: "libc",
		utc: "1",
		theme: "dark",
		live: "1",
	};
	assert.deepEqual(decodeState("?" + encodeState(state)), state);
});

test("foreign addresses cannot break the page", () => {
	const state = decodeState(
		"?from=yesterday&until=<b>&sel=9~3&zoom=../..&view=admin&theme=x&nonsense=1" +
			"&__proto__=1&sort=constructor",
	);
	assert.deepEqual(state, initialState());
	assert.equal(decodeState("search=" + "a".repeat(5000)).search, "");
	assert.equal(
		decodeState("?search=%E0%A4%A").search,
		decodeState("?search=%E0%A4%A").search,
	);
});

test("times as the API takes them", () => {
	assert.equal(parseTime("now", 5000), 5000);
	assert.equal(parseTime("-15m", 1e9), 1e9 - 900000);
	assert.equal(parseTime("1763640000.25", 0), 1763640000250);
	assert.equal(parseTime("2025-11-20T12:00:00Z", 0), 1763640000000);
	assert.equal(parseTime("2025-11-20 12:00:00+00:00", 0), 1763640000000);
	for (const bad of ["", "-5", "5m", "tomorrow", "1e9", "2025-13-45T99:00:00Z"])
		assert.equal(parseTime(bad, 0), null, bad);
});

test("times keep their millisecond and nothing more", () => {
	assert.equal(timeParam(1763640000250), "1763640000.25");
	assert.equal(timeParam(1763640000000), "1763640000");
	assert.deepEqual(parseSelection(selectionParam({ from: 1000.4, until: 2000 })), {
		from: 1000,
		until: 2000,
	});
});

test("a selection wins over the window, and a reversed window is the hour before its end", () => {
	const state = { ...initialState(), sel: "100~200" };
	assert.deepEqual(windowOf({ ...initialState(), from: "now", until: "-1h" }, 1e12), {
		from: 1e12 - 7200000,
		until: 1e12 - 3600000,
	});
});
