/* What a search found, in words. Pure. */
import { formatCount, formatPercent } from "./format.js";
import { matchedWithin, matchNumber } from "./search.js";

/* Of the whole profile, and where a part is zoomed of that too. */
export function matchedText(tree, found, zoom) {
	if (!found.nodes) return "No match";
	const whole = `${formatPercent(found.samples, tree.samples)} matched`;
	if (!zoom) return whole;
	const within = matchedWithin(tree, found.frames, zoom).samples;
	return `${whole}, ${formatPercent(within, tree.total[zoom])} of the zoomed part`;
}

/* Which of the matches node is. */
export function stepText(tree, found, node) {
	const number = formatCount(matchNumber(tree, found.frames, node));
	return (
		`${number} of ${formatCount(found.nodes)} · ` +
		`${formatPercent(found.samples, tree.samples)} matched`
	);
}
