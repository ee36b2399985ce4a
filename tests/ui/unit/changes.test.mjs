import assert from "node:assert/strict";
import test from "node:test";
import { arrange, Nodes } from "../../../web/ui/arrange.js";
import { changedFunctions } from "../../../web/ui/changes.js";
import { finish, treeOf } from "./trees.mjs";

/* A comparison of the nodes of folded stacks, with `was` by node. */
function compared(folded, was) {
	const tree = treeOf(folded);
	const nodes = new Nodes(2, tree.length);
	for (let i = 0; i < tree.length; i++) nodes.add(tree.parent[i], tree.frame[i]);
	nodes.self[0].set(tree.self);
	nodes.self[1].set(was);
	return finish(arrange(tree, nodes, {}, 1));
}

test("functions by how much they changed, those within chance counted", () => {
	/* all, p, main, hot, cold, gone */
	const tree = compared(
		["p;main;hot 800", "p;main;cold 195", "p;main;gone 5"],
		[0, 0, 0, 300, 200, 500],
	);
	const { changed, noise } = changedFunctions(tree, "self");
	assert.deepEqual(
		changed.map((r) => [
			r.name,
			r.now,
			r.was,
			r.change.kind,
			Math.round(r.change.delta),
		]),
		[
			["hot", 800, 300, "more", 50],
			["gone", 5, 500, "less", -49],
		],
	);
	assert.equal(noise, 2);
	assert.equal(changedFunctions(tree, "total").changed.length, 2);
});
