import assert from "node:assert/strict";
import test from "node:test";
import { themePalette } from "../../../web/ui/palette.js";
import { svgOf } from "../../../web/ui/picture.js";
import { deepTree, treeOf } from "./trees.mjs";

const HOSTILE = [
	"<img src=x onerror=alert(1)>",
	"</svg><script>alert(2)</script>",
	"\u0007\u0000\u001b[31m",
	"\u202etxt.exe",
	"\ud800 alone",
	"]]>&amp;\"'",
	"x".repeat(10000),
];

const graphOf = (tree, flip) => ({
	tree,
	zoom: { root: 0, from: 0, until: tree.total[0] },
	palette: { ...themePalette(false), page: "#fff" },
	slotOf: () => 4,
	flip,
});

/* What of a text is outside of tags and attributes must be escaped. */
function assertTame(svg) {
	assert.doesNotMatch(svg, /[\u0000-\u0008\u000b-\u001f\u202e]|\p{Surrogate}/u);
	const tags = new Set([...svg.matchAll(/<\/?([a-zA-Z]+)/g)].map((m) => m[1]));
	assert.deepEqual([...tags].sort(), ["g", "rect", "svg", "text", "title"]);
	assert.doesNotMatch(svg.replace(/<[^<>]*>/g, ""), /[<>]/);
}

test("hostile names are text of the picture", () => {
	const tree = treeOf(HOSTILE.map((name, i) => `p;${name.replaceAll(";", ":")} ${i + 1}`));
	for (const flip of [false, true]) assertTame(svgOf(graphOf(tree, flip), HOSTILE[1]));
});

test("shares below a hundredth of a percent are escaped too", () => {
	assertTame(svgOf(graphOf(treeOf(["p;a 1", "p;b 20000"])), "t"));
});

test("a very deep stack says how much is not drawn", () => {
	const svg = svgOf(graphOf(deepTree(50000)), "deep");
	assertTame(svg);
	assert.match(svg, /45,001 deeper rows are not drawn/);
});
