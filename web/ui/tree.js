/*
 * The call tree of a profile: preorder columns, and what follows from them in one pass.
 *
 * A node is an index. Its subtree is [i, end[i]), its first child i + 1, the next sibling
 * end[child]. `start` is where its bar begins, in samples from the left. Nothing here or above
 * recurses over depth: stacks may be 50,000 deep. Pure, no DOM.
 */

const FRAME_COLUMNS = ["name", "system_name", "file", "line", "object", "kind"];

const ROUNDING = 1 + 1e-9; /* sums of a comparison's weights are no whole numbers */

export function need(ok, sentence) {
	if (!ok) throw new SyntaxError("The profile is malformed: " + sentence + ".");
}

const SLICE = 0x10000; /* long loops yield when this many nodes are done */

/* Whether a generator should yield after node i. */
export const pauseAt = (i) => i % SLICE === SLICE - 1;

/*
 * The tree of a flame answer, by a generator that yields between slices; `column` turns an entry of
 * the answer into an array (see flame.js).
 */
export function* buildingTree(answer, column) {
	need(
		answer.strings.every((s) => typeof s === "string"),
		"strings that are none",
	);
	const tree = {
		startMs: answer.start_ns / 1e6,
		endMs: answer.end_ns / 1e6,
		periodNs: answer.period_ns,
		samples: answer.samples,
		/* of the whole, of which this may be what a screen can show */
		nodes: answer.nodes,
		strings: answer.strings,
		kinds: answer.kinds,
		lost: answer.lost ?? {},
		incomplete: answer.incomplete ?? {},
		depth: column(answer.depth),
		total: column(answer.total),
		self: column(answer.self),
		frame: column(answer.frame),
		frames: {},
	};
	for (const name of FRAME_COLUMNS) tree.frames[name] = column(answer.frames[name]);
	tree.own = answer.frames.self && column(answer.frames.self);
	if (answer.base) addBase(tree, answer.base, column);
	tree.length = tree.depth.length;
	tree.frameCount = tree.frames.name.length;
	for (const name of ["total", "self", "frame"])
		need(tree[name].length === tree.length, "columns of different lengths");
	for (const name of FRAME_COLUMNS)
		need(
			tree.frames[name].length === tree.frameCount,
			"frame columns of different lengths",
		);
	const { name, system_name, file, object } = tree.frames;
	const strings = tree.strings.length;
	let known = true;
	for (let f = 0; f < tree.frameCount; f++)
		known &&= Math.max(name[f], system_name[f], file[f], object[f]) < strings;
	need(known, "a string that is not there");
	if (tree.length) yield* deriveColumns(tree);
	else {
		tree.end = tree.parent = tree.start = new Uint32Array(0);
		tree.selfOf = new Float64Array(tree.frameCount);
	}
	return tree;
}

/* A comparison: {total, self} of both sides, and the facts of the base. */
function addBase(tree, base, column) {
	tree.base = {
		startMs: base.start_ns / 1e6,
		endMs: base.end_ns / 1e6,
		periodNs: base.period_ns,
		samples: base.samples,
		lost: base.lost ?? {},
		incomplete: base.incomplete ?? {},
	};
	tree.now = { total: tree.total, self: tree.self };
	tree.was = { total: column(base.total), self: column(base.self) };
	for (const name of ["total", "self"])
		need(
			tree.was[name].length === tree.depth.length,
			"columns of different lengths",
		);
}

/* end, parent, start, selfOf, maxDepth and sorted from depth, total and self. */
export function* deriveColumns(tree) {
	const { depth, total, length } = tree;
	/* no depth is larger than its type's numbers, nor than there are nodes */
	const levels = Math.min(length, 2 ** (8 * (depth.BYTES_PER_ELEMENT ?? 4))) + 2;
	Object.assign(tree, {
		end: new Uint32Array(length),
		parent: new Uint32Array(length),
		start: new (total instanceof Float64Array ? Float64Array : Uint32Array)(length),
		/* the samples of each frame itself */
		selfOf: tree.own ?? new Float64Array(tree.frameCount),
		maxDepth: 0,
		sorted: true,
	});
	const walk = {
		open: new Uint32Array(levels) /* the nodes above the current one, by depth */,
		filled: new Float64Array(levels) /* where the next child of each begins */,
		above: -1 /* depth of the node before */,
	};
	for (let i = 0; i < length; i += SLICE) {
		deriveSlice(tree, walk, i, Math.min(i + SLICE, length));
		yield;
	}
	for (let k = walk.above; k >= 0; k--) tree.end[walk.open[k]] = length;
}

/* No generator: a browser takes long to make fast code of one. */
function deriveSlice(tree, walk, from, until) {
	const { depth, total, frame, end, parent, start, frameCount } = tree;
	const { open, filled } = walk;
	let { above } = walk;
	let { maxDepth, sorted } = tree;
	let isTree = true;
	let fits = true;
	for (let i = from; i < until; i++) {
		const d = depth[i];
		isTree &&= d <= above + 1 && (d > 0 || i === 0) && frame[i] < frameCount;
		let at = 0;
		if (d) {
			const p = open[d - 1];
			at = filled[d - 1];
			const right = at + total[i];
			if (d <= above && total[open[d]] < total[i]) sorted = false;
			for (let k = above; k >= d; k--) end[open[k]] = i;
			parent[i] = p;
			start[i] = at;
			filled[d - 1] = right;
			if (right > (start[p] + total[p]) * ROUNDING) fits = false;
		}
		if (d > maxDepth) maxDepth = d;
		open[d] = i;
		filled[d] = at;
		above = d;
	}
	need(isTree, "depths that are no tree");
	need(fits, "children that are more than their parent");
	if (!tree.own) addSelf(tree, from, until);
	walk.above = above;
	Object.assign(tree, { maxDepth, sorted });
}

/* Alone, for a browser compiles all of the function that a loop is in. */
function addSelf({ frame, self, selfOf }, from, until) {
	for (let i = from; i < until; i++) selfOf[frame[i]] += self[i];
}

/*
 * All samples of the profile that a tree shows, or shows a part of: in a comparison those of now;
 * and those of the base.
 */
export const allSamples = (tree) => tree.whole?.[0] ?? (tree.now ?? tree).total[0] ?? 0;

export const allBaseSamples = (tree) => tree.whole?.[1] ?? tree.was?.total[0] ?? 0;

/* The samples of a node, those of now in a comparison. */
export const nodeSamples = (tree, node) => (tree.now ?? tree).total[node];

export const frameName = (tree, frame) => tree.strings[tree.frames.name[frame]] || "(no name)";

export const frameKind = (tree, frame) => tree.kinds[tree.frames.kind[frame]] ?? "native";

export const frameObject = (tree, frame) => tree.strings[tree.frames.object[frame]];

export const frameFile = (tree, frame) => tree.strings[tree.frames.file[frame]];

/* `file:line`, `file`, or "". */
export function frameSource(tree, frame) {
	const file = frameFile(tree, frame);
	const line = tree.frames.line[frame];
	return file && line ? file + ":" + line : file;
}

/* The nodes from the root to `node`, both included. */
export function pathTo(tree, node) {
	const path = [];
	for (let i = node; i; i = tree.parent[i]) path.push(i);
	path.push(0);
	return path.reverse();
}

function textHash(text) {
	let h = 0x811c9dc5;
	for (let i = 0; i < text.length; i++) h = Math.imul(h ^ text.charCodeAt(i), 0x01000193);
	return h;
}

/* Of what stays the same in the next answer, while a frame's number does not. */
const frameHash = ({ strings, frames }, f) =>
	mix(
		textHash(strings[frames.name[f]]),
		textHash(strings[frames.object[f]]) ^ frames.kind[f],
	);

function mix(a, b) {
	let h = Math.imul(a ^ (a >>> 15), 0x2c1b3c6d) ^ Math.imul(b, 0x297a2d39);
	h = Math.imul(h ^ (h >>> 12), 0x297a2d39);
	return h ^ (h >>> 15);
}

const idText = (high, low) => ((high & 0xfffff) * 2 ** 32 + (low >>> 0)).toString(36);

/*
 * A name for the call path to `node` that holds in later answers too: 52 bits of hash in base 36.
 * The root's is "".
 */
export function pathId(tree, node) {
	if (!node) return "";
	let high = 1;
	let low = 2;
	for (const i of pathTo(tree, node).slice(1)) {
		const h = frameHash(tree, tree.frame[i]);
		high = mix(high, h);
		low = mix(low ^ 0x5bd1e995, h);
	}
	const id = idText(high, low);
	(tree.ids ??= new Map()).set(id, node);
	return id;
}

/* The node of a path id, 0 (the root) where the tree has no such path. */
export function findPath(tree, id) {
	if (!id || !tree.length) return 0;
	if (tree.ids?.has(id)) return tree.ids.get(id);
	const hashes = (tree.hashes ??= Int32Array.from({ length: tree.frameCount }, (_, f) =>
		frameHash(tree, f),
	));
	const high = new Int32Array(tree.maxDepth + 1);
	const low = new Int32Array(tree.maxDepth + 1);
	high[0] = 1;
	low[0] = 2;
	const wanted = parseInt(id, 36);
	for (let i = 1; i < tree.length; i++) {
		const d = tree.depth[i];
		const h = hashes[tree.frame[i]];
		high[d] = mix(high[d - 1], h);
		low[d] = mix(low[d - 1] ^ 0x5bd1e995, h);
		if (
			low[d] >>> 0 === wanted % 2 ** 32 &&
			(high[d] & 0xfffff) === Math.floor(wanted / 2 ** 32)
		)
			return i;
	}
	return 0;
}
