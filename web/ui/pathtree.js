/*
 * The flame graph for screen readers: the focused node, its callers and its callees as a tree of
 * real elements.
 *
 * A tree of all nodes would be a million elements; what one can hear at a time is a path. Positions
 * are true ones: aria-level, aria-setsize and aria-posinset count in the whole tree.
 */
import { element } from "./dom.js";
import { formatPercent, visibleName } from "./format.js";
import { allSamples, frameName, nodeSamples, pathTo } from "./tree.js";

const CALLERS_MAX = 8;
const CALLEES_MAX = 8;
const HEARD_MAX = 300; /* characters that are read out */

function siblingPlace(tree, node) {
	const p = tree.parent[node];
	let size = 0;
	let place = 1;
	for (let i = p + 1; node && i < tree.end[p]; i = tree.end[i]) {
		size++;
		if (i === node) place = size;
	}
	return { size: Math.max(size, 1), place };
}

function treeItem(tree, node, current, prefix) {
	const { size, place } = siblingPlace(tree, node);
	return element(
		"div",
		{
			role: "treeitem",
			id: prefix + node,
			"aria-level": tree.depth[node] + 1,
			"aria-setsize": size,
			"aria-posinset": place,
			"aria-selected": String(current),
			"aria-expanded": tree.end[node] > node + 1 ? "true" : null,
			"data-samples": nodeSamples(tree, node),
		},
		visibleName(frameName(tree, tree.frame[node])).slice(0, HEARD_MAX),
		", ",
		formatPercent(nodeSamples(tree, node), allSamples(tree)),
	);
}

/*
 * Fills the path (inside the element `owner` of role tree) with the way to a node; -1 empties it to
 * the root.
 */
export function showPath(owner, tree, node) {
	const host = owner.querySelector(".path");
	const prefix = owner.id + "-node-";
	if (!tree.length) {
		host.replaceChildren();
		owner.removeAttribute("aria-activedescendant");
		return;
	}
	const at = Math.max(node, 0);
	const callers = pathTo(tree, at).slice(0, -1);
	const items = callers.slice(-CALLERS_MAX).map((i) => treeItem(tree, i, false, prefix));
	items.push(treeItem(tree, at, true, prefix));
	for (let i = at + 1, n = 0; i < tree.end[at] && n < CALLEES_MAX; i = tree.end[i], n++)
		items.push(treeItem(tree, i, false, prefix));
	host.replaceChildren(...items);
	owner.setAttribute("aria-activedescendant", prefix + at);
}
