/*
 * Other readings of a call tree: kernel frames hidden, libraries collapsed, recursion merged,
 * upside down by callers, and the callers and callees of one function.
 *
 * Samples are never lost: what is hidden counts for its caller. One pass over the nodes, or one
 * over all stacks where they are read from the leaf; nothing recurses over depth. Pure, no DOM.
 */
import { arrange, Nodes, sidesOf, SLICE_NODES } from "./arrange.js";
import { pauseAt } from "./tree.js";

const CALLERS_NODES_MAX = 3000000; /* nodes of a tree by callers: beyond, callers are left out */
const KEPT = 0xffffffff;

/* Finds nodes by parent and frame: open addressing over the nodes themselves. */
class Children {
	constructor(nodes, room) {
		this.nodes = nodes;
		this.slots = new Uint32Array(2 ** Math.ceil(Math.log2(room * 2 + 16)));
	}

	/* The child of a node, made where there is none. */
	of(parent, frame) {
		const { nodes, slots } = this;
		const mask = slots.length - 1;
		let at = (Math.imul(parent, 0x9e3779b1) ^ Math.imul(frame, 0x85ebca6b)) >>> 0;
		at = (at ^ (at >>> 15)) & mask;
		for (; slots[at]; at = (at + 1) & mask) {
			const i = slots[at];
			if (nodes.parent[i] === parent && nodes.frame[i] === frame) return i;
		}
		return (slots[at] = nodes.add(parent, frame));
	}
}

/*
 * What each frame becomes: itself, KEPT | hidden, or the frame of its library; and the frame table
 * that has those too.
 */
function mapFrames(tree, { kernel, lib }) {
	const { kinds, frameCount } = tree;
	const map = new Uint32Array(frameCount);
	const libraries = new Map(); /* {object, kind, frame: its number} by object */
	const native = Math.max(kinds.indexOf("native"), 0);
	for (let f = 0; f < frameCount; f++) {
		const kind = kinds[tree.frames.kind[f]];
		const object = tree.frames.object[f];
		map[f] = f;
		if (kernel && kind === "kernel") map[f] = KEPT;
		else if (lib && object && kind !== "label" && kind !== "incomplete") {
			if (!libraries.has(object))
				libraries.set(object, {
					object,
					kind: kind === "kernel" ? tree.frames.kind[f] : native,
					frame: frameCount + libraries.size,
				});
			map[f] = libraries.get(object).frame;
		}
	}
	return { map, table: libraries.size ? withLibraries(tree, [...libraries.values()]) : tree };
}

/* The frame table of a tree with a frame more for each library. */
function withLibraries({ frames, frameCount, strings }, libraries) {
	const names = libraries.map(({ object }) => {
		const path = strings[object];
		return path.slice(path.lastIndexOf("/") + 1) || path;
	});
	const more = { frames: {}, strings: [...strings, ...names], frameCount };
	more.frameCount += libraries.length;
	for (const name in frames) {
		const column = (more.frames[name] = new Uint32Array(more.frameCount));
		column.set(frames[name]);
	}
	libraries.forEach(({ object, kind, frame }, i) => {
		more.frames.name[frame] = strings.length + i;
		more.frames.object[frame] = object;
		more.frames.kind[frame] = kind;
	});
	return more;
}

/* How often each frame stands on the path that a preorder walk is at. */
class OnPath {
	constructor(frameCount, maxDepth) {
		this.count = new Uint32Array(frameCount + 1);
		this.path = new Uint32Array(maxDepth + 1);
		this.length = 0;
	}

	enter(depth, frame) {
		while (this.length > depth) this.count[this.path[--this.length]]--;
		this.path[this.length++] = frame;
		return this.count[frame]++;
	}
}

/* options: {kernel: hide it, lib: collapse libraries, merge: recursion}; each true or false. */
export function* readTree(tree, options, scale) {
	const { map, table } = mapFrames(tree, options);
	yield;
	const sides = sidesOf(tree);
	const nodes = new Nodes(sides.length, tree.length);
	const children = new Children(nodes, tree.length);
	const out = new Uint32Array(tree.length);
	const onPath = options.merge ? new OnPath(table.frameCount, tree.maxDepth) : null;
	let budget = SLICE_NODES;
	nodes.add(0, tree.frame[0]);
	for (let i = 0; i < tree.length; i++) {
		const p = i ? out[tree.parent[i]] : 0;
		const f = map[tree.frame[i]];
		let at = p;
		if (
			i &&
			f !== KEPT &&
			!(options.lib && nodes.frame[p] === f && f >= tree.frameCount)
		) {
			if (onPath?.enter(tree.depth[i], f))
				for (; at && nodes.frame[at] !== f; at = nodes.parent[at]) budget--;
			else at = 0;
			at ||= children.of(p, f);
		} else if (onPath) {
			onPath.enter(tree.depth[i], table.frameCount);
		}
		out[i] = at;
		for (let s = 0; s < sides.length; s++) nodes.self[s][at] += sides[s][i];
		if (--budget < 0) {
			budget = SLICE_NODES;
			yield;
		}
	}
	yield;
	const { frames, strings, frameCount } = table;
	return yield* arrange(tree, nodes, { frames, strings, frameCount }, scale);
}

/* The nodes of a function (a Uint8Array of frames) that no other of its nodes stands above. */
export function outermost(tree, wanted) {
	const found = [];
	for (let i = 1; i < tree.length;) {
		if (wanted[tree.frame[i]]) {
			found.push(i);
			i = tree.end[i];
		} else {
			i++;
		}
	}
	return found;
}

/*
 * All that a function calls: the subtrees of its outermost nodes, one over the other. The root is
 * the function.
 */
export function* calleesOf(tree, wanted, rootFrame) {
	const sides = sidesOf(tree);
	const tops = outermost(tree, wanted);
	const room = tops.reduce((n, i) => n + tree.end[i] - i, 1);
	const nodes = new Nodes(sides.length, room);
	const children = new Children(nodes, room);
	const out = new Uint32Array(tree.length);
	nodes.add(0, rootFrame);
	let budget = SLICE_NODES;
	for (const top of tops) {
		for (let i = top; i < tree.end[top]; i++) {
			const at = i === top ? 0 : children.of(out[tree.parent[i]], tree.frame[i]);
			out[i] = at;
			for (let s = 0; s < sides.length; s++) nodes.self[s][at] += sides[s][i];
			if (--budget < 0) {
				budget = SLICE_NODES;
				yield;
			}
		}
	}
	return yield* arrange(tree, nodes, {}, tree.scale);
}

/* Whose turn it is while callers are spread: a node and the stacks that go on from it. */
class Cursors {
	constructor(room) {
		this.node = new Uint32Array(room);
		this.leaf = new Uint32Array(room);
	}
}

/*
 * What sorts cursors by their frames: the frames met, of each where its cursors end (0: not met),
 * and a copy of the cursors.
 */
class Sorter extends Cursors {
	constructor(room, frameCount) {
		super(room);
		this.met = new Uint32Array(frameCount);
		this.end = new Uint32Array(frameCount);
	}

	/* Sorts cursors [from, until); how many frames were met. */
	sort(frame, cursors, from, until) {
		const { met, end } = this;
		let frames = 0;
		for (let c = from; c < until; c++) {
			const f = frame[cursors.node[c]];
			if (!end[f]++) met[frames++] = f;
		}
		let at = from;
		for (let k = 0; k < frames; k++) {
			const n = end[met[k]];
			end[met[k]] = at;
			at += n;
		}
		if (frames === 1) {
			end[met[0]] = until;
			return 1;
		}
		this.node.set(cursors.node.subarray(from, until));
		this.leaf.set(cursors.leaf.subarray(from, until));
		for (let c = 0; c < until - from; c++) {
			const to = end[frame[this.node[c]]]++;
			cursors.node[to] = this.node[c];
			cursors.leaf[to] = this.leaf[c];
		}
		return frames;
	}
}

/*
 * A tree by callers: starts are nodes of `tree`, weights their samples by side; a node's children
 * are who called it. `cut` of the result counts nodes whose callers were too many to be followed.
 */
function* spreadCallers(tree, starts, weights, rootFrame, nodesMax) {
	const most = 1 + starts.length * tree.maxDepth; /* if nobody shared a caller */
	const nodes = new Nodes(weights.length, Math.min(most, nodesMax + starts.length));
	const cursors = new Cursors(starts.length);
	const sorter = new Sorter(starts.length, tree.frameCount);
	cursors.node.set(starts);
	for (let i = 0; i < starts.length; i++) cursors.leaf[i] = i;
	yield;
	nodes.add(0, rootFrame);
	const open = starts.length ? [0, 0, starts.length] : []; /* node, from, until of each */
	let cut = 0;
	let budget = SLICE_NODES;
	while (open.length) {
		const [node, from, until] = open.splice(-3);
		const frames = sorter.sort(tree.frame, cursors, from, until);
		let c = from;
		for (let k = 0; k < frames; k++) {
			const f = sorter.met[k];
			const child = nodes.add(node, f);
			const first = c;
			let end = c;
			for (; c < sorter.end[f]; c++) {
				const up = tree.parent[cursors.node[c]];
				const leaf = cursors.leaf[c];
				if (up && nodes.length < nodesMax) {
					cursors.node[end] = up;
					cursors.leaf[end++] = leaf;
					continue;
				}
				if (up) cut++;
				for (let s = 0; s < weights.length; s++)
					nodes.self[s][child] += weights[s][leaf];
			}
			sorter.end[f] = 0;
			if (end > first) open.push(child, first, end);
			if ((budget -= c - first) < 0) {
				budget = SLICE_NODES;
				yield;
			}
		}
	}
	const made = yield* arrange(tree, nodes, {}, tree.scale);
	made.cut = cut;
	return made;
}

/* The whole tree from its leaves: below the root who ran, below each who called it. */
export function* invertTree(tree, nodesMax = CALLERS_NODES_MAX) {
	const sides = sidesOf(tree);
	const starts = new Uint32Array(tree.length);
	const weights = sides.map(() => new Float64Array(tree.length));
	let n = 0;
	for (let i = 1; i < tree.length; i++) {
		if (sides[0][i] || sides[1]?.[i]) {
			for (let s = 0; s < sides.length; s++) weights[s][n] = sides[s][i];
			starts[n++] = i;
		}
		if (pauseAt(i)) yield;
	}
	return yield* spreadCallers(tree, starts.subarray(0, n), weights, tree.frame[0], nodesMax);
}

/* Who calls a function: the root is the function, its children are callers. */
export function* callersOf(tree, wanted, rootFrame) {
	const tops = outermost(tree, wanted);
	const totals = tree.now ? [tree.now.total, tree.was.total] : [tree.total];
	const above = tops.filter((i) => tree.parent[i]);
	const weights = totals.map((total) => Float64Array.from(above, (i) => total[i]));
	const starts = above.map((i) => tree.parent[i]);
	return yield* spreadCallers(tree, starts, weights, rootFrame, CALLERS_NODES_MAX);
}
