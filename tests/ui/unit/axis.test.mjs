import assert from "node:assert/strict";
import test from "node:test";
import { roundStep, timeTicks, valueTicks } from "../../../web/ui/axis.js";

test("steps are round and few enough", () => {
	assert.equal(roundStep(3600000, 300), 15000);
	assert.equal(roundStep(1, 300), 100);
	assert.equal(roundStep(1e15, 10), 28 * 86400000);
});

test("ticks stand at round moments inside the range", () => {
	const { step, ticks } = timeTicks(1763640001000, 1763643601000, 8, true);
	assert.equal(step, 600000);
	assert.ok(ticks.every((t) => t % step === 0 && t >= 1763640001000 && t < 1763643601000));
	assert.equal(ticks.length, 6);
});

test("the top of a value axis is round and holds the maximum", () => {
	for (const max of [0.013, 0.5, 1, 1.7, 63, 1e6])
		assert.ok(valueTicks(max).top >= max * 0.999 && valueTicks(max).top <= max * 2.6);
	assert.equal(valueTicks(0).top, 1);
});
