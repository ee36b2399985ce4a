import assert from "node:assert/strict";
import test from "node:test";
import { exactPattern, filterRows, sortRows, topFunctions } from "../../../web/ui/top.js";
import { deepTree, nodeOf, treeOf } from "./trees.mjs";

const plain = (rows) => rows.map((r) => [r.name, r.self, r.total]);

test("recursion counts once, direct and through others", () => {
	const tree = treeOf(["p;fib;fib;fib 50", "p;fib;other;fib 20", "p;none 30"]);
	assert.deepEqual(plain(sortRows(topFunctions(tree, 0), "total")), [
		["fib", 70, 70],
		["none", 30, 30],
		["other", 0, 20],
	]);
});

test("processes and markers of incomplete stacks are no functions", () => {
	const tree = treeOf(["p;[incomplete: not-code];f 5"]);
	assert.deepEqual(plain(topFunctions(tree, 0)), [["f", 5, 5]]);
});

test("a name in two objects is two functions", () => {
	const tree = treeOf(["p;malloc@libc.so 5", "p;malloc@jemalloc.so 3"]);
	assert.deepEqual(
		sortRows(topFunctions(tree, 0), "self").map((r) => [r.object, r.self]),
		[
			["libc.so", 5],
			["jemalloc.so", 3],
		],
	);
});

test("a zoomed part has its own table", () => {
	const tree = treeOf(["p;a;x 5", "p;b;x 4"]);
	assert.deepEqual(plain(sortRows(topFunctions(tree, nodeOf(tree, "b")), "total")), [
		["b", 0, 4],
		["x", 4, 4],
	]);
});

test("sorted by each column, ties by name; filtered by name and object", () => {
	const rows = topFunctions(treeOf(["p;b@lib 5", "p;a@lib 5", "p;c;d@other 9"]), 0);
	assert.deepEqual(
		sortRows(rows, "self").map((r) => r.name),
		["d", "a", "b", "c"],
	);
	assert.deepEqual(
		sortRows(rows, "name").map((r) => r.name),
		["a", "b", "c", "d"],
	);
	assert.deepEqual(
		filterRows(rows, "OTH").map((r) => r.name),
		["d"],
	);
});

test("an exact pattern matches its name and nothing else", () => {
	for (const name of ["operator+(int[], a::b*)", "{closure#0}", "a|b", "x/y$z^"]) {
		assert.ok(new RegExp(exactPattern(name), "u").test(name), name);
		assert.ok(!new RegExp(exactPattern(name), "u").test(name + "x"));
	}
});

test("50,000 levels of one function", () => {
	assert.deepEqual(plain(topFunctions(deepTree(50000), 0)), [["deep", 1, 1]]);
});
