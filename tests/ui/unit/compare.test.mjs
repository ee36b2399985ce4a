import assert from "node:assert/strict";
import test from "node:test";

import { baseRange, baseScale, chanceOf, changeOf, zOf } from "../../../web/ui/compare.js";

const compared = (nowAll, wasAll, scale = nowAll / wasAll, absolute = false) => ({
	now: { total: [nowAll] },
	was: { total: [wasAll] },
	scale,
	absolute,
});

test("the other range is before by a fixed time, just before, or given", () => {
	const range = { from: 1e12, until: 1e12 + 5000 };
	assert.deepEqual(baseRange("1h", range), { from: 1e12 - 36e5, until: 1e12 - 36e5 + 5000 });
	assert.deepEqual(baseRange("24h", range), {
		from: 1e12 - 864e5,
		until: 1e12 - 864e5 + 5000,
	});
	assert.deepEqual(baseRange("prev", range), { from: 1e12 - 5000, until: 1e12 });
	assert.deepEqual(baseRange("10~20.5", range), { from: 10000, until: 20500 });
	assert.equal(baseRange("nonsense", range), null);
});

test("samples of ranges of different length and frequency are weighed", () => {
	const tree = { startMs: 0, endMs: 1000, periodNs: 1e7, samples: 50 };
	tree.base = { startMs: 0, endMs: 4000, periodNs: 2e7, samples: 200 };
	assert.equal(baseScale(tree, false), 0.25);
	assert.equal(baseScale(tree, true), 0.5);
	tree.base.samples = 0;
	assert.equal(baseScale(tree, false), 1);
	tree.base = { startMs: 0, endMs: 0, periodNs: 0, samples: 0 };
	assert.equal(baseScale(tree, true), 1);
});

test("the test statistic is that of the textbook", () => {
	/* 30 of 100 against 50 of 100: G = 8.4009 by hand */
	const g = 2 * (30 * Math.log(30 / 40) + 50 * Math.log(50 / 40));
	const rest = 2 * (70 * Math.log(70 / 60) + 50 * Math.log(50 / 60));
	assert.ok(Math.abs(zOf(30, 50, 100, 100, 1, false) + Math.sqrt(g + rest)) < 1e-9);
	assert.ok(Math.abs(zOf(30, 50, 100, 100, 1, true) + Math.sqrt(g)) < 1e-9);
	assert.equal(zOf(0, 0, 100, 100, 1, false), 0);
	assert.equal(zOf(10, 10, 10, 10, 1, false), 0);
});

test("chance of a deviation is the normal distribution's", () => {
	for (const [z, p] of [
		[1.959964, 0.05],
		[2.575829, 0.01],
		[3.290527, 0.001],
		[0, 1],
	])
		assert.ok(Math.abs(chanceOf(z) - p) < 1e-6, `${z}: ${chanceOf(z)}`);
});

test("one sample against none is noise; much against none is new or gone", () => {
	const tree = compared(1000, 1000);
	assert.equal(changeOf(tree, 1, 0).kind, "noise");
	assert.equal(changeOf(tree, 0, 4).kind, "noise");
	assert.equal(changeOf(tree, 30, 0).kind, "new");
	assert.equal(changeOf(tree, 0, 30).kind, "gone");
	assert.equal(changeOf(tree, 200, 100).kind, "more");
	assert.equal(changeOf(tree, 100, 200).kind, "less");
	assert.equal(changeOf(tree, 200, 200).kind, "noise");
	assert.equal(changeOf(tree, 1000, 1000).kind, "noise");
});

test("twice the load is no change of shares, but one of amounts", () => {
	assert.equal(changeOf(compared(2000, 1000), 1000, 500).kind, "noise");
	assert.equal(changeOf(compared(2000, 1000, 1, true), 1000, 500).kind, "more");
	assert.equal(Math.round(changeOf(compared(2000, 1000, 1, true), 1000, 500).delta), 25);
});

test("of a thousand comparisons of the same, about one is taken for a change", () => {
	let seed = 7;
	const random = () => (seed = (Math.imul(seed, 1664525) + 1013904223) >>> 0) / 2 ** 32;
	const draw = () => {
		let n = 0;
		for (let i = 0; i < 2000; i++) n += random() < 0.05;
		return n;
	};
	let wrong = 0;
	for (let i = 0; i < 1000; i++)
		wrong += changeOf(compared(2000, 2000), draw(), draw()).kind !== "noise";
	assert.ok(wrong <= 5, `${wrong} of 1000`);
});
