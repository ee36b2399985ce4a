import assert from "node:assert/strict";
import test from "node:test";
import {
	Boxes,
	boxAt,
	boxOf,
	heightBelow,
	layoutRows,
	zoomOn,
	zoomThatShows,
} from "../../../web/ui/layout.js";
import { frameName } from "../../../web/ui/tree.js";
import { deepTree, nodeOf, scattered, treeOf } from "./trees.mjs";

const rows = (boxes) =>
	Array.from({ length: boxes.length }, (_, i) => [
		boxes.node[i],
		boxes.row[i],
		boxes.x[i],
		boxes.width[i],
	]);

test("bars stand under their callers, largest first, and the self time is left free", () => {
	const tree = treeOf(["p;main;a 60", "p;main;b 30", "p;main 10"]);
	const boxes = layoutRows(tree, zoomOn(tree, 0, 0), 1000, 0, 10, new Boxes());
	assert.deepEqual(rows(boxes), [
		[0, 0, 0, 1000],
		[1, 1, 0, 1000],
		[2, 2, 0, 1000],
		[3, 3, 0, 600],
		[4, 3, 600, 300],
	]);
});

test("a zoomed node fills the width and so do its callers", () => {
	const tree = treeOf(["p;main;a;x 60", "p;main;b;y 30", "p;main;b 10"]);
	const b = nodeOf(tree, "b");
	const boxes = layoutRows(tree, zoomOn(tree, b, 0), 400, 0, 10, new Boxes());
	assert.deepEqual(
		rows(boxes).sort((l, r) => l[1] - r[1]),
		[
			[0, 0, 0, 400],
			[1, 1, 0, 400],
			[2, 2, 0, 400],
			[b, 3, 0, 400],
			[nodeOf(tree, "y"), 4, 0, 300],
		],
	);
});

test("thin siblings are one muted bar that knows what it stands for, and is zoomed as one", () => {
	const folded = ["p;main;big 10000"];
	for (let i = 0; i < 100; i++) folded.push(`p;main;f${i};g${i} 1`);
	const tree = treeOf(folded);
	const boxes = layoutRows(tree, zoomOn(tree, 0, 0), 1000, 0, 10, new Boxes());
	const muted = Array.from(boxes.merged.slice(0, boxes.length))
		.map((m, i) => [m, i])
		.filter(([m]) => m);
	assert.equal(muted.length, 1);
	const [merged, at] = muted[0];
	assert.equal(merged, 200); /* 100 siblings and what they call */
	assert.equal(boxes.samples[at], 100);
	assert.ok(Math.abs(boxes.width[at] - (1000 * 100) / 10100) < 0.01);
	const zoom = zoomOn(tree, 0, boxes.node[at]);
	const wide = layoutRows(tree, zoom, 1000, 0, 10, new Boxes());
	const row3 = rows(wide).filter((r) => r[1] === 3);
	assert.equal(row3.length, 100);
	assert.ok(Math.abs(row3[0][3] - 10) < 0.01);
});

test("what is drawn and what is merged add up to all samples of a row", () => {
	const folded = [];
	for (let i = 1; i < 3000; i++)
		folded.push(`p;f${i % 7};g${i};h${i % 11} ${1 + ((i * 7919) % 97)}`);
	const tree = treeOf(folded);
	const boxes = layoutRows(tree, zoomOn(tree, 0, 0), 700, 0, 10, new Boxes());
	let sum = 0;
	for (let i = 0; i < boxes.length; i++) if (boxes.row[i] === 3) sum += boxes.samples[i];
	assert.equal(sum, tree.total[0]);
});

test("only the visible rows of a stack of 50,000 are laid out, and without recursion", () => {
	const tree = deepTree(50000);
	assert.equal(heightBelow(tree, 0), 50000);
	const boxes = layoutRows(tree, zoomOn(tree, 0, 0), 1000, 40000, 40030, new Boxes());
	assert.equal(boxes.length, 31);
	const deep = layoutRows(tree, zoomOn(tree, 49000, 0), 1000, 48990, 49010, new Boxes());
	assert.equal(deep.length, 21);
});

test("an empty profile has no bars", () => {
	const tree = { length: 0 };
	assert.equal(layoutRows(tree, zoomOn(tree, 0, 0), 1000, 0, 10, new Boxes()).length, 0);
});

test("a point finds its bar, a node its box", () => {
	const tree = treeOf(["p;main;a 60", "p;main;b 40"]);
	const boxes = layoutRows(tree, zoomOn(tree, 0, 0), 100, 0, 10, new Boxes());
	assert.equal(boxes.node[boxAt(boxes, 3, 59)], nodeOf(tree, "a"));
	assert.equal(boxes.node[boxAt(boxes, 3, 61)], nodeOf(tree, "b"));
	assert.equal(boxAt(boxes, 4, 10), -1);
	assert.equal(boxes.node[boxOf(boxes, nodeOf(tree, "b"))], nodeOf(tree, "b"));
});

test("a small node is shown below the widest caller in which it can be seen", () => {
	const tree = treeOf(["p;main;a;tiny 1", "p;main;a;big 49", "p;main;b 9950"]);
	const tiny = nodeOf(tree, "tiny");
	assert.equal(zoomThatShows(tree, tiny, 0.01), nodeOf(tree, "a"));
	assert.equal(zoomThatShows(tree, tiny, 0.5), tiny);
	assert.equal(zoomThatShows(tree, nodeOf(tree, "b"), 0.5), 0);
});

const drawn = (tree, width) => {
	const boxes = layoutRows(tree, zoomOn(tree, 0, 0), width, 0, 20, new Boxes());
	return Array.from({ length: boxes.length }, (_, i) => [
		boxes.merged[i] ? "small calls" : frameName(tree, tree.frame[boxes.node[i]]),
		boxes.row[i],
		boxes.x[i],
		boxes.width[i],
		boxes.samples[i],
	]);
};

test("what a screen can show is drawn as the whole is, up to its width", () => {
	const [first, whole] = scattered();
	assert.ok(first.length < 0.8 * whole.length);
	assert.equal(first.nodes, whole.length);
	for (const width of [320, 1000, 1400, 2560, 5120])
		assert.deepEqual(drawn(first, width), drawn(whole, width), `${width} px`);
	assert.notDeepEqual(drawn(first, 12000), drawn(whole, 12000));
});
