/*
 * From nodes in any order (each after its parent) to a call tree: totals, siblings by size,
 * preorder.
 *
 * What makes such nodes is transform.js. A comparison has two columns of samples, `now` and `was`;
 * its bars are as wide as the mean of both shares, so that what is new and what has gone are both
 * seen. All long work is generators that yield between slices. Pure, no DOM.
 */
import { deriveColumns, pauseAt } from "./tree.js";

/* between two yields, where each node may be the first to touch a page of memory */
export const SLICE_NODES = 1024;

/*
 * Columns of nodes: parent, frame, and one column of samples a side. What is never filled of their
 * room is never memory.
 */
export class Nodes {
	constructor(sides, room) {
		this.length = 0;
		this.parent = new Uint32Array(room);
		this.frame = new Uint32Array(room);
		this.self = Array.from({ length: sides }, () => new Float64Array(room));
	}

	add(parent, frame) {
		this.parent[this.length] = parent;
		this.frame[this.length] = frame;
		return this.length++;
	}
}

/* The columns of samples of a tree, one or two: [self of now, self of was]. */
export const sidesOf = (tree) => (tree.now ? [tree.now.self, tree.was.self] : [tree.self]);

/*
 * Children of each node by weight, largest first: those of i are kids[first[i]..first[i + 1]).
 * Nodes that have lost all their samples are nobody's.
 */
function* sortedChildren(nodes, weight) {
	const n = nodes.length;
	const { parent } = nodes;
	const first = new Uint32Array(n + 1);
	for (let i = 1; i < n; i++) {
		if (weight[i]) first[parent[i] + 1]++;
		if (pauseAt(i)) yield;
	}
	for (let i = 0; i < n; i++) first[i + 1] += first[i];
	yield;
	const at = first.slice();
	const kids = new Uint32Array(n);
	for (let i = 1; i < n; i++) {
		if (weight[i]) kids[at[parent[i]]++] = i;
		if (pauseAt(i)) yield;
	}
	const larger = (a, b) => weight[b] - weight[a] || a - b;
	for (let i = 0, budget = SLICE_NODES; i < n; i++) {
		const [from, until] = [first[i], first[i + 1]];
		if (until - from > 16) kids.subarray(from, until).sort(larger);
		else sortFew(kids, from, until, weight);
		if ((budget -= 1 + (until - from)) < 0) {
			budget = SLICE_NODES;
			yield;
		}
	}
	return { first, kids };
}

function sortFew(kids, from, until, weight) {
	for (let i = from + 1; i < until; i++) {
		const kid = kids[i];
		let k = i;
		for (; k > from && weight[kids[k - 1]] < weight[kid]; k--) kids[k] = kids[k - 1];
		kids[k] = kid;
	}
}

function* totalsOf(nodes) {
	const totals = nodes.self.map((self) => self.slice(0, nodes.length));
	for (const total of totals)
		for (let i = nodes.length - 1; i > 0; i--) {
			total[nodes.parent[i]] += total[i];
			if (pauseAt(i)) yield;
		}
	return totals;
}

/* Where each node stands in preorder: parents hand places to their children. */
function* places(nodes, weight, first, kids) {
	const n = nodes.length;
	const size = new Uint32Array(n);
	size[0] = 1;
	for (let i = n - 1; i > 0; i--) {
		if (weight[i]) size[nodes.parent[i]] += ++size[i];
		if (pauseAt(i)) yield;
	}
	const place = new Uint32Array(n);
	const depth = new Uint32Array(n);
	for (let i = 0; i < n; i++) {
		if (!size[i]) continue;
		let next = place[i] + 1;
		for (let k = first[i]; k < first[i + 1]; k++) {
			place[kids[k]] = next;
			depth[next] = depth[place[i]] + 1;
			next += size[kids[k]];
		}
		if (pauseAt(i)) yield;
	}
	return { place, depth, kept: size[0] };
}

function mean(sides, scale) {
	const weight = new Float64Array(sides[0].length);
	for (let i = 0; i < weight.length; i++) weight[i] = (sides[0][i] + scale * sides[1][i]) / 2;
	return weight;
}

/*
 * The tree of `nodes`, with the facts and strings of `source`; `frames` replaces its frame table.
 * scale: what one of the base's samples weighs beside one of now's, in comparisons; only: 0 or 1 to
 * draw that side alone.
 */
export function* arrange(source, nodes, frames, scale, only) {
	const totals = yield* totalsOf(nodes);
	const two = totals.length > 1;
	const weigh = (sides) =>
		two && only === undefined ? mean(sides, scale) : sides[only ?? 0];
	const weight = weigh(totals);
	const { first, kids } = yield* sortedChildren(nodes, weight);
	const { place, depth, kept } = yield* places(nodes, weight, first, kids);
	const put = function* (column, Type) {
		const out = new Type(kept);
		for (let i = 0; i < nodes.length; i++) {
			if (!i || weight[i]) out[place[i]] = column[i];
			if (pauseAt(i)) yield;
		}
		return out;
	};
	const Count = two ? Float64Array : source.total.constructor;
	const tree = {
		...source,
		...frames,
		groups: null,
		hashes: null,
		ids: null,
		own: null,
		nodes: kept,
		length: kept,
		depth: depth.subarray(0, kept),
		frame: yield* put(nodes.frame, Uint32Array),
		total: yield* put(weight, Count),
		self: yield* put(weigh(nodes.self), Count),
	};
	yield;
	if (two) {
		const side = function* (k) {
			return {
				total: yield* put(totals[k], Float64Array),
				self: yield* put(nodes.self[k], Float64Array),
			};
		};
		tree.now = yield* side(0);
		tree.was = yield* side(1);
		tree.scale = scale;
	}
	yield* deriveColumns(tree);
	return tree;
}

/* A comparison's tree with one side's widths alone. */
export function* oneSide(tree, side) {
	const nodes = {
		length: tree.length,
		parent: tree.parent,
		frame: tree.frame,
		self: sidesOf(tree),
	};
	return yield* arrange(tree, nodes, {}, tree.scale, side);
}
