import assert from "node:assert/strict";
import test from "node:test";
import { brokenObjects, nameAdvice, namelessObjects } from "../../../web/ui/quality.js";
import { treeOf } from "./trees.mjs";

test("objects whose functions have no names, worst first", () => {
	const tree = treeOf([
		"p;main@/bin/p;p+0x12@/bin/p 3",
		"p;main@/bin/p 5",
		"p;libx.so+0xff@/lib/libx.so 9",
		"p;f@/lib/good.so 9",
	]);
	assert.deepEqual(namelessObjects(tree), [
		{ object: "/lib/libx.so", samples: 9, nameless: 9 },
		{ object: "/bin/p", samples: 8, nameless: 3 },
	]);
	assert.match(nameAdvice("/lib/libx.so"), /debug symbols/);
	assert.match(nameAdvice("[jit]"), /map/);
});

test("objects in which stacks end, with their reasons and places", () => {
	const places = [
		{ object: "/b", offset: "0x1f", reason: "y", count: 5 },
		{ object: null, offset: null, reason: "x", count: 1 },
	];
	const status = {
		unwind: {
			objects: [
				{ object: "/a", complete: 9, incomplete: 0 },
				{
					object: "/b",
					complete: 1,
					incomplete: 6,
					reasons: { x: 1, y: 5 },
					places,
				},
				{ object: "/c", complete: 0, incomplete: 7, reasons: { z: 7 } },
			],
		},
	};
	assert.deepEqual(brokenObjects(status), [
		{ object: "/c", incomplete: 7, all: 7, reasons: [["z", 7]], places: [] },
		{
			object: "/b",
			incomplete: 6,
			all: 7,
			reasons: [
				["y", 5],
				["x", 1],
			],
			places: [{ where: "/b+0x1f", count: 5 }],
		},
	]);
	assert.deepEqual(brokenObjects({}), []);
});
