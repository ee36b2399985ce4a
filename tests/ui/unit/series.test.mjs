import assert from "node:assert/strict";
import test from "node:test";
import { seriesLayers } from "../../../web/ui/series.js";

const line = (comm, ...values) => ({ labels: { comm }, values });

test("the stack is as high as the CPU time, also where the answer left processes out", () => {
	const series = {
		start_ns: 1e9,
		step_ns: 1e9,
		series: [line("b", 1e8, 0), line("a", 5e8, 5e8), line("c", 1e7, 1e7)],
		more: { series: 3, cpu_ns: 2e8 },
		all: [7.1e8, 6.1e8],
	};
	const { layers, count, total } = seriesLayers(series, 2);
	assert.deepEqual(
		layers.map((l) => l.name),
		["a", "b", "4 others"],
	);
	assert.equal(count, 2);
	for (const [i, cpus] of [0.71, 0.61].entries())
		assert.ok(Math.abs(layers.reduce((sum, l) => sum + l.values[i], 0) - cpus) < 1e-9);
	assert.equal(total, 1e8 + 1e9 + 2e7 + 2e8);
});

test("few processes need no others, none need no layers", () => {
	assert.deepEqual(
		seriesLayers(
			{
				start_ns: 0,
				step_ns: 1e9,
				series: [line("a", 1e9)],
				more: { series: 0, cpu_ns: 0 },
			},
			8,
		).layers.map((l) => [l.name, l.values]),
		[["a", [1]]],
	);
	assert.deepEqual(seriesLayers({ start_ns: 0, step_ns: 1e9, series: [] }, 8).layers, []);
});
