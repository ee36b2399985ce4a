import assert from "node:assert/strict";
import test from "node:test";
import { findPath, pathId, pathTo } from "../../../web/ui/tree.js";
import { buildTree, deepTree, flameOf, nodeOf, treeOf } from "./trees.mjs";

const asColumn = (c) => Uint32Array.from(c);

test("ends, parents and starts follow from the depths", () => {
	const tree = treeOf(["p;main;a 6", "p;main;b;c 3", "q;x 1"]);
	assert.deepEqual([...tree.end], [8, 6, 6, 4, 6, 6, 8, 8]);
	assert.deepEqual([...tree.parent], [0, 0, 1, 2, 2, 4, 0, 6]);
	assert.deepEqual([...tree.start], [0, 0, 0, 0, 6, 6, 9, 9]);
	assert.equal(tree.sorted, true);
	assert.deepEqual(pathTo(tree, nodeOf(tree, "c")), [0, 1, 2, 4, 5]);
});

test("a path's id finds it again in an answer with other numbers", () => {
	const one = treeOf(["p;main;a 6", "p;main;b;c 3"]);
	const two = treeOf(["q;z 99", "p;main;b;c 30", "p;main;a 6"]);
	for (const name of ["p", "main", "a", "b", "c"])
		assert.equal(
			findPath(two, pathId(one, nodeOf(one, name))),
			nodeOf(two, name),
			name,
		);
	assert.equal(findPath(two, "zzz"), 0);
	assert.equal(pathId(one, 0), "");
});

test("an address may name any path, known or not", () => {
	const tree = treeOf(["p;main 1"]);
	assert.equal(findPath(tree, pathId(tree, 2)), 2);
	for (const id of ["constructor", "1", "zzzzzzzzzzzz"]) assert.equal(findPath(tree, id), 0);
});

test("a path 50,000 deep has an id", () => {
	const tree = deepTree(50000);
	assert.equal(findPath(tree, pathId(tree, 50000)), 50000);
});

test("columns that are no tree are refused with a sentence", () => {
	const good = flameOf(["p;main;a 6", "p;main;b 3"]);
	buildTree(good, asColumn);
	for (const [why, change] of Object.entries({
		"starts below the root": { depth: [1, 1, 2, 3, 3] },
		"second root": { depth: [0, 1, 2, 0, 3] },
		"gap in depth": { depth: [0, 1, 3, 3, 3] },
		"short column": { self: [0] },
		"unknown frame": { frame: [0, 1, 2, 3, 99] },
		"children above their parent": { total: [9, 9, 9, 9, 9] },
		"depth out of range": { depth: [0, 1, 2, 3, 4000000000] },
	}))
		assert.throws(() => buildTree({ ...good, ...change }, asColumn), /malformed/, why);
	assert.throws(
		() =>
			buildTree(
				{ ...good, frames: { ...good.frames, name: [0, 1, 2, 3, 99] } },
				asColumn,
			),
		/malformed/,
	);
});

test("unsorted siblings are noticed", () => {
	const flame = flameOf(["p;a 6", "p;b 3"]);
	flame.total = [9, 9, 3, 6];
	flame.self = [0, 0, 3, 6];
	assert.equal(buildTree(flame, asColumn).sorted, false);
});

test("an empty profile is a tree without nodes, or with a root alone", () => {
	const empty = { ...flameOf([]), depth: [], total: [], self: [], frame: [] };
	assert.equal(buildTree(empty, asColumn).length, 0);
	assert.equal(treeOf([]).length, 1);
});
