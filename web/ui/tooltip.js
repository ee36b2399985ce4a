/*
 * The box beside the pointer: what a bar or a moment of the timeline is. Filled with text nodes
 * only.
 */
import { element } from "./dom.js";
import {
	cutMiddle,
	formatClock,
	formatCount,
	formatDuration,
	formatPercent,
	formatSpan,
	formatTime,
	shownName,
	visibleName,
} from "./format.js";
import { changeOf, confidenceText } from "./compare.js";
import {
	allBaseSamples,
	allSamples,
	frameKind,
	frameName,
	frameObject,
	frameSource,
	nodeSamples,
} from "./tree.js";

const NAME_MAX = 300; /* characters of a name that are shown; the rest is told as a number */
const GAP = 14; /* px between pointer and box */

export class Tooltip {
	constructor(box) {
		this.box = box;
	}

	hide() {
		this.box.hidden = true;
	}

	/* Near a point of the window, inside it whatever the size. */
	show(x, y, ...children) {
		const box = this.box;
		box.replaceChildren(...children);
		box.hidden = false;
		const { width, height } = box.getBoundingClientRect();
		const left =
			x + GAP + width > window.innerWidth - 8
				? Math.max(8, Math.min(x, window.innerWidth) - GAP - width)
				: x + GAP;
		const top =
			y + GAP + height > window.innerHeight - 8
				? Math.max(8, y - GAP - height)
				: y + GAP;
		box.style.transform = `translate(${Math.round(left)}px, ${Math.round(top)}px)`;
	}
}

/* Pairs of a term and its text; pairs without text are left out. */
export function termList(pairs) {
	const list = element("dl");
	for (const [term, text] of pairs) {
		if (text) list.append(element("dt", term), element("dd", text));
	}
	return list;
}

function amount(tree, samples, zoom) {
	const whole = formatPercent(samples, allSamples(tree));
	const part = zoom
		? ` · ${formatPercent(samples, nodeSamples(tree, zoom))} of the zoomed part`
		: "";
	const time = formatDuration(samples * tree.periodNs);
	return `${time} · ${formatCount(samples)} samples · ${whole}${part}`;
}

function wholeName(name) {
	const text = visibleName(name);
	return text.length > NAME_MAX
		? cutMiddle(text, NAME_MAX) + ` (${formatCount(name.length)} characters)`
		: text;
}

/* A change in words: by how much, and whether chance makes as much. */
export function changeText(tree, now, was) {
	const { kind, z, delta } = changeOf(tree, now, was);
	const points = `${delta > 0 ? "+" : ""}${delta.toFixed(2)} points`;
	if (kind === "noise") return `${points} · no more than chance makes`;
	return `${kind}: ${points} · confidence ${confidenceText(z)}`;
}

function amounts(tree, node, zoom) {
	const total = [["total", amount(tree, tree.total[node], zoom)]];
	if (frameKind(tree, tree.frame[node]) === "label" && !tree.self[node]) return total;
	return [...total, ["self", amount(tree, tree.self[node], zoom)]];
}

function comparison(tree, node, zoom) {
	const { now, was, base } = tree;
	return [
		["now", amount(tree, now.total[node], zoom)],
		[
			"before",
			`${formatDuration(was.total[node] * base.periodNs)} · ` +
				`${formatCount(was.total[node])} samples · ` +
				formatPercent(was.total[node], allBaseSamples(tree)),
		],
		["change", changeText(tree, now.total[node], was.total[node])],
	];
}

/* The elements that describe a bar of the flame graph. */
export function describeBox(tree, box, zoom) {
	if (box.merged) {
		return [
			element(
				"p.tip-name",
				`${formatCount(box.merged)} calls too small to draw here`,
			),
			termList([["total", tree.now ? "" : amount(tree, box.samples, zoom)]]),
			element("p.tip-hint", "Click to zoom into them."),
		];
	}
	const frame = tree.frame[box.node];
	const kind = frameKind(tree, frame);
	const system = tree.strings[tree.frames.system_name[frame]];
	const name = frameName(tree, frame);
	return [
		element("p.tip-name", wholeName(name)),
		termList([
			...(tree.now
				? comparison(tree, box.node, zoom)
				: amounts(tree, box.node, zoom)),
			["source", shownName(frameSource(tree, frame), 200)],
			["object", shownName(frameObject(tree, frame), 200)],
			[
				"symbol",
				system && system !== name
					? shownName(system, 200)
					: "",
			],
			["kind", kind === "label" ? "" : kind],
		]),
	];
}

function timeAndShare(tree, samples) {
	const time = formatDuration(samples * tree.periodNs);
	return `${time} (${formatPercent(samples, allSamples(tree))})`;
}

/* The same in one line, for the line below the graph. */
export function describeNode(tree, node) {
	const frame = tree.frame[node];
	const parts = [
		shownName(frameName(tree, frame)),
		`total ${timeAndShare(tree, nodeSamples(tree, node))}`,
		`self ${timeAndShare(tree, (tree.now ?? tree).self[node])}`,
		tree.now ? changeText(tree, tree.now.total[node], tree.was.total[node]) : "",
		shownName(frameSource(tree, frame), 100),
		shownName(frameObject(tree, frame), 100),
	];
	return parts.filter((p) => p).join(" · ");
}

/* A moment or range of the timeline, and the processes that used most CPU in it, at most max. */
export function describeMoment(moment, utc, max) {
	const { range } = moment;
	const title = range
		? `${formatClock(range.from, utc)} \u2013 ${formatClock(range.until, utc)} ` +
			`(${formatSpan(range.until - range.from)})`
		: formatTime(moment.ms, utc, moment.exact);
	const parts = moment.parts
		.slice()
		.sort((a, b) => b.cpus - a.cpus)
		.slice(0, max)
		.map((p) => [
			shownName(p.name, 32) || "(no name)",
			`${p.cpus.toPrecision(2)} CPU`,
		]);
	const text = moment.text ? element("p", moment.text) : "";
	return [element("p.tip-name", title), text, termList(parts)];
}

/* All of a profile, in one line. */
export const describeTree = (tree) =>
	[
		`${formatCount(tree.samples)} samples`,
		`${formatDuration(tree.samples * tree.periodNs)} of CPU time`,
		`${formatCount(tree.nodes ?? tree.length)} call paths`,
	].join(" · ");
