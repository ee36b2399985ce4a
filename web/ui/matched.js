/* What a search found, in words. Pure. */
import { formatCount, formatPercent } from "./format.js";
import { matchedBetween, matchedWithin, matchNumber } from "./search.js";
import { allSamples, nodeSamples } from "./tree.js";

/* Percent of all samples. */
export const matchedPercent = (tree, found) => (100 * found.samples) / (allSamples(tree) || 1);

const shareText = (tree, found) =>
	`${formatPercent(found.samples, allSamples(tree))} matched`;

/* Of the whole profile, and where a part is zoomed of that too. */
export function matchedText(tree, found, zoom) {
	const { frames } = found;
	if (!found.nodes) return "No match";
	let text = shareText(tree, found);
	if (tree.was) {
		const { samples } = matchedBetween(tree, frames, 0, tree.length, tree.was);
		text += `, ${formatPercent(samples, tree.was.total[0])} before`;
	}
	if (!zoom) return text;
	const within = formatPercent(matchedWithin(tree, frames, zoom), nodeSamples(tree, zoom));
	return `${text}, ${within} of the zoomed part`;
}

/* Which of the matches node is. */
export function stepText(tree, found, node) {
	const number = (i) => matchNumber(tree, found.frames, i);
	found.all ??= number(tree.length - 1);
	const [at, all] = [number(node), found.all].map(formatCount);
	return `${at} of ${all} · ${shareText(tree, found)}`;
}
