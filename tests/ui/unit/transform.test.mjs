import assert from "node:assert/strict";
import test from "node:test";

import { arrange, Nodes, SLICE_NODES } from "../../../web/ui/arrange.js";
import { calleesOf, callersOf, invertTree, readTree } from "../../../web/ui/transform.js";
import { frameName } from "../../../web/ui/tree.js";
import { deepTree, finish, treeOf } from "./trees.mjs";

/* `name total self` of each node, indented by depth. */
const drawn = (tree) =>
	Array.from(
		{ length: tree.length },
		(_, i) =>
			"-".repeat(tree.depth[i]) +
			`${frameName(tree, tree.frame[i])} ${tree.total[i]} ${tree.self[i]}`,
	);

const named = (tree, name) =>
	Uint8Array.from({ length: tree.frameCount }, (_, f) => Number(frameName(tree, f) === name));
const frameOf = (tree, name) => named(tree, name).indexOf(1);

const STACKS = ["p;main;a;b;a;c 3", "p;main;a 2", "p;main;d;c 4", "q;main;c 1"];

test("nothing asked for: the same tree", () => {
	const tree = treeOf(STACKS);
	assert.deepEqual(drawn(finish(readTree(tree, {}, 1))), drawn(tree));
});

test("recursion, direct and through others, is merged into the outermost call", () => {
	const tree = finish(readTree(treeOf(STACKS), { merge: true }, 1));
	assert.deepEqual(drawn(tree).slice(0, 7), [
		"all 10 0",
		"-p 9 0",
		"--main 9 0",
		"---a 5 2",
		"----c 3 3",
		"---d 4 0",
		"----c 4 4",
	]);
});

test("the kernel's samples count for who called it", () => {
	const tree = treeOf(["p;main;read@libc;sys_read@[k] 3", "p;main;read@libc 1"]);
	const kernel = tree.kinds.indexOf("kernel");
	tree.frames.kind[frameOf(tree, "sys_read")] = kernel;
	assert.deepEqual(drawn(finish(readTree(tree, { kernel: true }, 1))), [
		"all 4 0",
		"-p 4 0",
		"--main 4 0",
		"---read 4 4",
	]);
});

test("a library is one frame for as long as a stack stays in it", () => {
	const tree = treeOf(["p;main@/bin/p;x@/lib/l.so;y@/lib/l.so;f@/bin/p;z@/lib/l.so 2"]);
	assert.deepEqual(drawn(finish(readTree(tree, { lib: true }, 1))), [
		"all 2 0",
		"-p 2 0",
		"--p 2 0",
		"---l.so 2 0",
		"----p 2 0",
		"-----l.so 2 2",
	]);
});

test("inverted: who ran, then who called, and no sample is lost", () => {
	const tree = finish(invertTree(treeOf(STACKS)));
	assert.deepEqual(drawn(tree).slice(0, 6), [
		"all 10 0",
		"-c 8 0",
		"--d 4 0",
		"---main 4 0",
		"----p 4 4",
		"--a 3 0",
	]);
	assert.equal(tree.cut, 0);
	assert.equal(
		tree.self.reduce((a, b) => a + b, 0),
		10,
	);
});

test("too many callers are left out and counted", () => {
	const tree = finish(invertTree(treeOf(STACKS), 3));
	assert.ok(tree.cut > 0);
	assert.equal(tree.total[0], 10);
});

/* {path: samples} of a tree. */
function samplesByPath(tree) {
	const names = [];
	return Object.fromEntries(
		drawn(tree).map((line) => {
			const [, dashes, name, total] = line.match(/^(-*)(\S+) (\d+)/);
			names.splice(dashes.length, Infinity, name);
			return [names.join(";"), Number(total)];
		}),
	);
}

test("inverted is what the stacks are, each read from its end, however few are shared", () => {
	const random = (i) => (i * 7919) % 13;
	const shared = Array.from({ length: 200 }, (_, i) => [
		"p",
		...Array.from({ length: 1 + (i % 7) }, (_, d) => `f${random(i + d * 31)}`),
	]);
	const alone = shared.map((stack, i) => stack.map((name) => name + i));
	for (const stacks of [shared, alone]) {
		const line = (stack, i) => `${stack.join(";")} ${1 + (i % 3)}`;
		const tree = treeOf(stacks.map(line));
		const turned = stacks.map((stack) => stack.toReversed());
		const inverted = samplesByPath(treeOf(turned.map(line)));
		assert.deepEqual(samplesByPath(finish(invertTree(tree))), inverted);
		for (let most = 1; most < tree.length; most += 17) {
			const cut = finish(invertTree(tree, most));
			for (const [path, total] of Object.entries(samplesByPath(cut)))
				assert.equal(total, inverted[path], path);
			const own = cut.self.reduce((a, b) => a + b);
			assert.equal(own, tree.total[0]);
		}
	}
});

test("callers and callees of a function count recursion once", () => {
	const tree = treeOf(STACKS);
	const [callees, callers] = [calleesOf, callersOf].map((of) =>
		finish(of(tree, named(tree, "a"), frameOf(tree, "a"))),
	);
	assert.deepEqual(drawn(callees), ["a 5 2", "-b 3 0", "--a 3 0", "---c 3 3"]);
	assert.deepEqual(drawn(callers), ["a 5 0", "-main 5 0", "--p 5 5"]);
});

test("a comparison keeps both columns and what has gone", () => {
	const tree = treeOf(["p;a 3", "p;b 1"]);
	const nodes = new Nodes(2, tree.length);
	for (let i = 0; i < tree.length; i++) nodes.add(tree.parent[i], tree.frame[i]);
	nodes.self[0].set(tree.self.slice(0, nodes.length));
	nodes.self[1][3] = 8;
	const both = finish(arrange(tree, nodes, {}, 0.5));
	assert.deepEqual(drawn(both), ["all 4 0", "-p 4 0", "--b 2.5 2.5", "--a 1.5 1.5"]);
	assert.deepEqual([...both.now.total], [4, 4, 1, 3]);
	assert.deepEqual([...both.was.total], [8, 8, 8, 0]);
	const inverted = finish(invertTree(both));
	assert.deepEqual([...inverted.was.total], [8, 8, 8, 0, 0]);
});

test("50,000 levels take one pass", () => {
	const tree = deepTree(50000);
	assert.equal(finish(readTree(tree, { merge: true }, 1)).length, 2);
	assert.equal(finish(readTree(tree, {}, 1)).length, 50001);
	assert.equal(finish(invertTree(tree)).length, 50001);
});

test("deep recursion is merged in slices that leave the page its time", () => {
	const reading = readTree(deepTree(20100, 300), { merge: true }, 1);
	let slices = 0;
	let step = reading.next();
	for (; !step.done; step = reading.next()) slices++;
	assert.equal(step.value.length, 301);
	assert.ok(slices > 20, String(slices));
});

test("what one call of a function calls is added up in slices too", () => {
	const tree = deepTree(50000);
	const callees = calleesOf(tree, named(tree, "deep"), tree.frame[1]);
	let slices = 0;
	let step = callees.next();
	for (; !step.done; step = callees.next()) slices++;
	assert.equal(step.value.length, 50000);
	/* its order alone takes two for every SLICE_NODES */
	assert.ok(slices > (2.5 * 50000) / SLICE_NODES, String(slices));
});
