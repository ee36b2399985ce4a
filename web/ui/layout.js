/*
 * Which bars of a call tree are on the screen, and where.
 *
 * The walk skips whole subtrees: below the last visible row, outside the zoomed range, and where
 * bars get thinner than a pixel. What is too thin is not dropped but merged with its siblings
 * into one muted bar that knows how much it stands for. Bars are columns of one `Boxes` that is
 * used again for every frame. Pure, no DOM.
 */

export const THIN_PX = 1;

/*
 * Growing columns of bars: node, row, x and width in pixels; `merged` is how many nodes a muted bar
 * stands for (0: a plain bar).
 */
export class Boxes {
	constructor() {
		this.node = this.row = this.merged = new Uint32Array(0);
		this.x = this.width = new Float32Array(0);
		this.samples = new Float64Array(0);
		this.room(4096);
		this.length = 0;
	}

	room(n) {
		for (const name of ["node", "row", "x", "width", "merged", "samples"]) {
			const more = new this[name].constructor(n);
			more.set(this[name]);
			this[name] = more;
		}
	}

	push(node, row, x, width, merged, samples) {
		if (this.length === this.node.length) this.room(this.length * 2);
		const i = this.length++;
		this.node[i] = node;
		this.row[i] = row;
		this.x[i] = x;
		this.width[i] = width;
		this.merged[i] = merged;
		this.samples[i] = samples;
	}
}

/*
 * Where the small siblings that begin with `first` end, in samples from the left: their parent's
 * children's end.
 */
export function restEnd(tree, first) {
	const p = tree.parent[first];
	let last = tree.start[first];
	for (let i = first; i < tree.end[p]; i = tree.end[i]) last = tree.start[i] + tree.total[i];
	return last;
}

/*
 * A zoom: {root, from, until}: a node, and the range of samples that fills the width; all of the
 * node unless `rest`.
 */
export function zoomOn(tree, root, rest) {
	if (!tree.length) return { root: 0, from: 0, until: 0 };
	if (rest)
		return {
			root: tree.parent[rest],
			from: tree.start[rest],
			until: restEnd(tree, rest),
		};
	return { root, from: tree.start[root], until: tree.start[root] + tree.total[root] };
}

/* Depth below `root` (0: it alone). */
export function heightBelow(tree, root) {
	const { depth, end } = tree;
	if (!root) return tree.maxDepth ?? 0;
	let deepest = depth[root] ?? 0;
	for (let i = root; i < end[root] && deepest < tree.maxDepth; i++)
		deepest = depth[i] > deepest ? depth[i] : deepest;
	return deepest - (depth[root] ?? 0);
}

/*
 * Fills `boxes` with the bars of rows [firstRow, lastRow]: rows are depths, the ancestors of the
 * zoomed node fill the width.
 */
export function layoutRows(tree, zoom, width, firstRow, lastRow, boxes) {
	boxes.length = 0;
	const span = zoom.until - zoom.from;
	if (!tree.length || span <= 0 || width <= 0) return boxes;
	const { depth, total, end, parent } = tree;
	for (let i = zoom.root, row = depth[i]; ; i = parent[i], row--) {
		if (row >= firstRow && row <= lastRow) boxes.push(i, row, 0, width, 0, total[i]);
		if (!row) break;
	}
	const view = { tree, zoom, scale: width / span, firstRow, lastRow, boxes };
	const stop = end[zoom.root];
	for (let i = zoom.root + 1; i < stop;) i = placeBar(view, i);
	return boxes;
}

/* Puts a node's bar, or one for the thin siblings that begin with it; the node to go on with. */
function placeBar({ tree, zoom, scale, firstRow, lastRow, boxes }, i) {
	const { total, self, start, end } = tree;
	const row = tree.depth[i];
	const p = tree.parent[i];
	/* nothing below is visible, and the siblings are as deep */
	if (row > lastRow) return end[p];
	let until = start[i] + total[i];
	if (until <= zoom.from || start[i] >= zoom.until) return end[i];
	let wide = total[i] * scale;
	let next = row === lastRow ? end[i] : i + 1;
	let merged = 0;
	if (wide < THIN_PX) {
		next = thinEnd(tree, i, scale);
		/* behind the last child is what the parent has for itself */
		until = next < end[p] ? start[next] : start[p] + total[p] - self[p];
		until = Math.max(until, start[i]); /* sums may be rounded */
		wide = Math.max((until - start[i]) * scale, THIN_PX);
		merged = next - i;
	}
	if (row >= firstRow) {
		const x = (start[i] - zoom.from) * scale;
		boxes.push(i, row, x, wide, merged, until - start[i]);
	}
	return next;
}

/*
 * The node behind a run of thin siblings that begins with `first`, and all below them. Where
 * siblings are sorted all that follow are thin too.
 */
function thinEnd(tree, first, scale) {
	const { total, end } = tree;
	const stop = end[tree.parent[first]];
	if (tree.sorted) return stop;
	let next = first;
	while (next < stop && total[next] * scale < THIN_PX) next = end[next];
	return next;
}

/*
 * The box at x in a row, or -1. Boxes of a row are in order of x, so the first that ends right of x
 * decides.
 */
export function boxAt(boxes, row, x) {
	let best = -1;
	for (let i = 0; i < boxes.length; i++) {
		if (
			boxes.row[i] === row &&
			x >= boxes.x[i] &&
			x < boxes.x[i] + Math.max(boxes.width[i], 1)
		)
			best = i;
	}
	return best;
}

/* The box that shows a node itself, or -1. */
export function boxOf(boxes, node) {
	for (let i = 0; i < boxes.length; i++) {
		if (boxes.node[i] === node && !boxes.merged[i]) return i;
	}
	return -1;
}

/*
 * A wider zoom in which `node` is at least `share` of the width: itself or the farthest ancestor
 * where that holds.
 */
export function zoomThatShows(tree, node, share) {
	let root = node;
	while (root && tree.total[node] >= share * tree.total[tree.parent[root]])
		root = tree.parent[root];
	return root;
}
