/* What a search found, in words. Pure. */
import { formatCount, formatPercent } from "./format.js";
import { matchedWithin, matchNumber } from "./search.js";
import { allSamples, nodeSamples } from "./tree.js";

/* The samples that a search matched below a node; in a comparison those of now. */
const matchedNow = (tree, found, root) =>
	tree.now
		? matchedWithin(tree, found.frames, root, tree.now.total).samples
		: root
			? matchedWithin(tree, found.frames, root).samples
			: found.samples;

/* Percent of all samples. */
export function matchedPercent(tree, found) {
	const all = allSamples(tree);
	return all ? (100 * matchedNow(tree, found, 0)) / all : 0;
}

/* Of the whole profile, and where a part is zoomed of that too. */
export function matchedText(tree, found, zoom) {
	if (!found.nodes) return "No match";
	let text = `${formatPercent(matchedNow(tree, found, 0), allSamples(tree))} matched`;
	if (tree.was) {
		const before = matchedWithin(tree, found.frames, 0, tree.was.total).samples;
		text += `, ${formatPercent(before, tree.was.total[0])} before`;
	}
	if (!zoom) return text;
	const within = formatPercent(matchedNow(tree, found, zoom), nodeSamples(tree, zoom));
	return `${text}, ${within} of the zoomed part`;
}

/* Which of the matches node is. */
export function stepText(tree, found, node) {
	const number = formatCount(matchNumber(tree, found.frames, node));
	return (
		`${number} of ${formatCount(found.nodes)} · ` +
		`${formatPercent(matchedNow(tree, found, 0), allSamples(tree))} matched`
	);
}
