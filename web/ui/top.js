/*
 * The functions of a call tree: how much each ran itself, and how much it was on the stack.
 *
 * A stack counts once for a function however often it calls itself: its outermost node takes the
 * whole subtree, nodes inside are skipped. Processes, the root and markers of incomplete stacks are
 * no functions. Pure, no DOM.
 */

/*
 * [{name, object, frame, self, total, selfWas, totalWas}] of the subtree of `root`; a function is a
 * name in an object. The last two are the base's in a comparison, else 0.
 */
export function topFunctions(tree, root) {
	if (!tree.length) return [];
	const { group, count, first } = groupFrames(tree);
	const { frame, end } = tree;
	const { total, self } = tree.now ?? tree;
	const { was } = tree;
	const [selfWas, totalWas] = [new Float64Array(count), new Float64Array(count)];
	const selfOf = new Float64Array(count);
	const totalOf = new Float64Array(count);
	const inside = new Uint32Array(count); /* end of the outermost node of each function */
	const stop = end[root];
	for (let i = root; i < stop; i++) {
		const g = group[frame[i]];
		if (g < 0) continue;
		selfOf[g] += self[i];
		if (was) selfWas[g] += was.self[i];
		if (i >= inside[g]) {
			totalOf[g] += total[i];
			if (was) totalWas[g] += was.total[i];
			inside[g] = end[i];
		}
	}
	const rows = [];
	for (let g = 0; g < count; g++) {
		if (totalOf[g] || totalWas[g])
			rows.push({
				selfWas: selfWas[g],
				totalWas: totalWas[g],
				frame: first[g],
				self: selfOf[g],
				total: totalOf[g],
				name: tree.strings[tree.frames.name[first[g]]] || "(no name)",
				object: tree.strings[tree.frames.object[first[g]]],
			});
	}
	return rows;
}

/* Frames that differ only in file, line or kind are one function; -1: no function. */
function groupFrames(tree) {
	if (tree.groups) return tree.groups;
	const label = tree.kinds.indexOf("label");
	const incomplete = tree.kinds.indexOf("incomplete");
	const group = new Int32Array(tree.frameCount).fill(-1);
	const known = new Map();
	const first = [];
	for (let f = 0; f < tree.frameCount; f++) {
		const kind = tree.frames.kind[f];
		if (kind === label || kind === incomplete) continue;
		const key = tree.frames.name[f] * tree.strings.length + tree.frames.object[f];
		if (!known.has(key)) {
			known.set(key, first.length);
			first.push(f);
		}
		group[f] = known.get(key);
	}
	tree.groups = { group, count: first.length, first };
	return tree.groups;
}

/* Sorted by a column, largest first (names from A); ties by name. */
export function sortRows(rows, column) {
	const byName = (a, b) =>
		a.name < b.name
			? -1
			: a.name > b.name
				? 1
				: a.object < b.object
					? -1
					: a.object > b.object
						? 1
						: 0;
	return rows
		.slice()
		.sort(column === "name" ? byName : (a, b) => b[column] - a[column] || byName(a, b));
}

/* Rows whose name or object contains the text, whatever its case. */
export function filterRows(rows, text) {
	const wanted = text.toLowerCase();
	return wanted
		? rows.filter(
				(r) =>
					r.name.toLowerCase().includes(wanted) ||
					r.object.toLowerCase().includes(wanted),
			)
		: rows;
}

/* Regular expression that matches exactly this name. */
export const exactPattern = (name) => "^" + name.replace(/[\\^$.*+?()[\]{}|/]/g, "\\$&") + "$";
