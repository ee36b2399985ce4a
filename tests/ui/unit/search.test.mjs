import assert from "node:assert/strict";
import test from "node:test";
import { matchedText, stepText } from "../../../web/ui/matched.js";
import {
	compileSearch,
	matchedBetween,
	matchedWithin,
	matchNumber,
	nextMatch,
	searchTree,
} from "../../../web/ui/search.js";
import { deepTree, nodeOf, treeOf } from "./trees.mjs";

const find = (tree, text) => searchTree(tree, compileSearch(text).expression);

test("a stack counts once, however often its functions match", () => {
	const tree = treeOf(["p;fib;fib;fib 50", "p;fib;other;fib 20", "p;none 30"]);
	const found = find(tree, "fib");
	assert.equal(found.samples, 70);
	assert.equal(found.nodes, 1);
	assert.equal(matchNumber(tree, found.frames, tree.length - 1), 4);
});

test("different functions that match in one stack count once too", () => {
	const tree = treeOf(["p;read_all;read_some 5", "p;read_some 3", "p;write 2"]);
	assert.equal(find(tree, "^read").samples, 8);
});

test("processes can be searched, the root cannot", () => {
	const tree = treeOf(["nginx;main 5", "bash;main 3"]);
	assert.equal(find(tree, "nginx").samples, 5);
	assert.equal(find(tree, "^all$").samples, 0);
});

test("case matters once a capital is typed", () => {
	const tree = treeOf(["p;Malloc 5", "p;malloc 3"]);
	assert.equal(find(tree, "malloc").samples, 8);
	assert.equal(find(tree, "Malloc").samples, 5);
	assert.equal(find(tree, "\\Sa").samples, 8);
});

test("an unfinished expression is an error with words", () => {
	assert.match(compileSearch("a(").error, /\S/);
	assert.ok(compileSearch("a(b)").expression);
});

test("inside a zoomed part the caller's match counts for all of it", () => {
	const tree = treeOf(["p;outer;inner 6", "p;outer;leaf 4", "p;rest 10"]);
	const { frames } = find(tree, "outer");
	assert.equal(matchedWithin(tree, frames, nodeOf(tree, "leaf")), 4);
	assert.equal(matchedWithin(tree, frames, nodeOf(tree, "rest")), 0);
});

test("in a comparison the samples of now are counted, or those of another side", () => {
	const tree = treeOf(["p;outer;inner 6", "p;outer;leaf 4", "p;inner 10"]);
	tree.now = { total: tree.total.map((n) => n / 2) };
	tree.was = { total: tree.total.map((n) => n * 3) };
	const found = find(tree, "inner|outer");
	assert.equal(found.samples, 10);
	assert.equal(matchedWithin(tree, found.frames, nodeOf(tree, "leaf")), 2);
	assert.equal(matchedWithin(tree, found.frames, nodeOf(tree, "p")), 10);
	const was = matchedBetween(tree, found.frames, 0, tree.length, tree.was);
	assert.deepEqual(was, { samples: 60, nodes: 2 });
});

test("what is skipped counts as if every node had been looked at", () => {
	const name = (i, d) => `f${(i * 7919 + d * 104729) % 11}`;
	const tree = treeOf(
		Array.from({ length: 300 }, (_, i) => {
			const path = Array.from({ length: 1 + (i % 9) }, (_, d) => name(i, d));
			return `p;${path.join(";")} ${1 + (i % 5)}`;
		}),
	);
	for (const text of ["f1$", "f[2-6]$", "f", "^f7|^f3$"]) {
		const { frames, samples } = find(tree, text);
		const above = (i) => i && (frames[tree.frame[i]] || above(tree.parent[i]));
		for (const root of [0, 1, 2, 57, tree.length - 1]) {
			let own = 0;
			for (let i = root; i < tree.end[root]; i++)
				if (above(i)) own += tree.self[i];
			assert.equal(matchedWithin(tree, frames, root), own, text + root);
			if (!root) assert.equal(samples, own);
		}
	}
});

test("next and previous go round", () => {
	const tree = treeOf(["p;a;x 5", "p;b;x 4", "p;c 1"]);
	const { frames } = find(tree, "^x$");
	const first = nodeOf(tree, "x", 0);
	const second = nodeOf(tree, "x", 1);
	assert.equal(nextMatch(tree, frames, 0, 1), first);
	assert.equal(nextMatch(tree, frames, first, 1), second);
	assert.equal(nextMatch(tree, frames, second, 1), first);
	assert.equal(nextMatch(tree, frames, first, -1), second);
	assert.equal(matchNumber(tree, frames, second), 2);
	assert.equal(nextMatch(tree, find(tree, "nobody").frames, 0, 1), -1);
});

test("50,000 nested matches are one", () => {
	const found = find(deepTree(50000), "deep");
	assert.equal(found.samples, 1);
	assert.equal(found.nodes, 1);
});

test("in words: which of all matches, and how much of the whole and of the zoomed part", () => {
	const tree = treeOf(["p;fib;fib 5", "p;fib;leaf 1", "p;rest;fib 2", "p;rest 2"]);
	const found = find(tree, "fib");
	assert.equal(stepText(tree, found, nodeOf(tree, "fib", 1)), "2 of 3 · 80.0 % matched");
	assert.equal(stepText(tree, found, nodeOf(tree, "fib", 2)), "3 of 3 · 80.0 % matched");
	const within = matchedText(tree, found, nodeOf(tree, "rest"));
	assert.equal(within, "80.0 % matched, 50.0 % of the zoomed part");
	assert.equal(matchedText(tree, find(tree, "nobody"), 0), "No match");
});
