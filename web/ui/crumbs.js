/*
 * The breadcrumbs above the flame graph: from all of it to what is zoomed. They are there always,
 * for the graph stays where it is when it is zoomed.
 */
import { element } from "./dom.js";
import { formatCount, shownName } from "./format.js";
import { frameName, pathId, pathTo } from "./tree.js";

/*
 * The way to a node into host: the process, the last callers, and the node; what is left out is
 * counted. rest: the small siblings that are zoomed together, 0 none. go changes the state.
 */
export function showCrumbs(host, tree, node, rest, go) {
	const path = pathTo(tree, node);
	const kept = path.length > 6 ? [path[0], path[1], -1, ...path.slice(-3)] : path;
	const items = kept.map((i) => {
		if (i < 0)
			return element(
				"li.quiet",
				`${formatCount(path.length - 5)} callers`,
			);
		const name = frameName(tree, tree.frame[i]);
		return element(
			"li",
			element(
				"button.link",
				{
					title: shownName(name, 400),
					"aria-current": i === node && !rest ? "true" : null,
					onclick: () => go({ zoom: pathId(tree, i), rest: "" }),
				},
				i ? shownName(name, 48) : "all",
			),
		);
	});
	if (rest) items.push(element("li", { "aria-current": "true" }, "small calls"));
	host.replaceChildren(
		element("ol", ...items),
		node || rest
			? element(
					"button.link.reset",
					{
						onclick: () =>
							go({
								zoom: "",
								rest: "",
							}),
					},
					"Reset zoom",
				)
			: "",
	);
}
