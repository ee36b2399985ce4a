import assert from "node:assert/strict";
import test from "node:test";
import { colorFrames, FIRST_HUE, LABEL, ObjectColors } from "../../../web/ui/palette.js";
import { scattered, treeOf } from "./trees.mjs";

const STACKS = [
	"app;f@/bin/a;g@/lib/x 3",
	"app;f@/bin/a 1",
	"app;h@/lib/x;unused@/lib/y;g@/lib/x 2",
];

test("the legend has what ran, largest first, in the colours of the frames", () => {
	const tree = treeOf(STACKS);
	const { slotOf: slotOfFrame, legend } = colorFrames(tree, "object", new ObjectColors());
	assert.deepEqual(
		legend.map(({ name, samples }) => [name, samples]),
		[
			["/lib/x", 5],
			["/bin/a", 1],
		],
	);
	const slotOf = (name) =>
		slotOfFrame([...tree.frames.name].findIndex((s) => tree.strings[s] === name));
	assert.equal(slotOf("g"), legend[0].slot);
	assert.equal(slotOf("h"), legend[0].slot);
	assert.equal(slotOf("f"), legend[1].slot);
	assert.equal(slotOf("app"), LABEL);
	assert.ok(slotOf("unused") >= FIRST_HUE);
});

test("an object keeps its colour in the next profile", () => {
	const colors = new ObjectColors();
	const first = colorFrames(treeOf(STACKS), "object", colors).legend[0].slot;
	const { legend } = colorFrames(treeOf(["app;z@/bin/z 9", ...STACKS]), "object", colors);
	assert.equal(legend.find((g) => g.name === "/lib/x").slot, first);
});

test("what a screen can show has the colours and the legend of the whole", () => {
	const [first, whole] = scattered();
	for (const mode of ["object", "kind"]) {
		const colors = () => new ObjectColors();
		const { legend } = colorFrames(whole, mode, colors());
		assert.deepEqual(colorFrames(first, mode, colors()).legend, legend);
		assert.ok(mode === "kind" || legend.length === 3, legend.length);
	}
});
