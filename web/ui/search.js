/*
 * Search: a regular expression over function names, and how much of the profile it matches.
 *
 * Each name is tried once, however many nodes carry it. A stack counts once even where a matched
 * function calls itself or another matched one: the outermost match takes its whole subtree, and
 * what lies inside is not added again. Counted over all nodes, drawn or not. Pure, no DOM.
 */
import { nodeSamples } from "./tree.js";

/*
 * The expression of what was typed: case matters only where it has capitals (escapes like \S
 * apart). Throws SyntaxError.
 */
export function searchExpression(text) {
	const capitals = /\p{Lu}/u.test(text.replace(/\\./g, ""));
	return new RegExp(text, capitals ? "u" : "iu");
}

/*
 * {expression} or {error}: what is no expression in Unicode mode is tried without it
 * (`std::vector<\w+>-`).
 */
export function compileSearch(text) {
	try {
		return { expression: searchExpression(text) };
	} catch {
		try {
			return {
				expression: new RegExp(
					text,
					/[A-Z]/.test(text.replace(/\\./g, "")) ? "" : "i",
				),
			};
		} catch (e) {
			return { error: e.message.replace(/^Invalid regular expression: /, "") };
		}
	}
}

/*
 * {frames: 1 for each matched frame, samples, nodes}: see above for what is counted; `nodes` are
 * the outermost matches.
 */
export function searchTree(tree, expression) {
	const byString = new Uint8Array(tree.strings.length); /* 0 not tried, 1 no, 2 yes */
	const frames = new Uint8Array(tree.frameCount);
	for (let f = 0; f < tree.frameCount; f++) {
		const s = tree.frames.name[f];
		if (!byString[s]) byString[s] = expression.test(tree.strings[s]) ? 2 : 1;
		frames[f] = byString[s] - 1;
	}
	if (tree.length) /* the root is nobody's function */ frames[tree.frame[0]] = 0;
	return { frames, ...matchedBetween(tree, frames, 0, tree.length) };
}

/*
 * The matched samples of whole subtrees: nodes [from, until), in a comparison those of now. What
 * lies in a match is not looked at, which is most of a large tree.
 */
export function matchedBetween(tree, frames, from, until, { total } = tree.now ?? tree) {
	const { frame, end } = tree;
	let samples = 0;
	let nodes = 0;
	for (let i = from; i < until;) {
		if (frames[frame[i]]) {
			nodes++;
			samples += total[i];
			i = end[i];
		} else i++;
	}
	return { samples, nodes };
}

/* The matched samples of a subtree: all of them where its root or a caller of it matches. */
export function matchedWithin(tree, frames, root) {
	const { frame, end, parent } = tree;
	for (let i = root; i; i = parent[i])
		if (frames[frame[i]]) return nodeSamples(tree, root);
	return matchedBetween(tree, frames, root, end[root]).samples;
}

/*
 * The next matched node after `node` in reading order (before it where `step` is -1), round the
 * end; -1 without a match.
 */
export function nextMatch(tree, frames, node, step) {
	const { frame, length } = tree;
	for (let k = 1; k <= length; k++) {
		const i = (((node + step * k) % length) + length) % length;
		if (frames[frame[i]]) return i;
	}
	return -1;
}

/* Which match `node` is, counted from one. */
export function matchNumber(tree, frames, node) {
	let n = 0;
	for (let i = 0; i <= node; i++) n += frames[tree.frame[i]];
	return n;
}
