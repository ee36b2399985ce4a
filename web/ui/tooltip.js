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
	visibleName,
} from "./format.js";
import { frameKind, frameName, frameObject, frameSource } from "./tree.js";

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
	const list = element("dl", {});
	for (const [term, text] of pairs) {
		if (text) list.append(element("dt", {}, term), element("dd", {}, text));
	}
	return list;
}

function amount(tree, samples, zoom) {
	const whole = formatPercent(samples, tree.total[0]);
	const part = zoom
		? ` · ${formatPercent(samples, tree.total[zoom])} of the zoomed part`
		: "";
	const time = formatDuration(samples * tree.periodNs);
	return `${time} · ${formatCount(samples)} samples · ${whole}${part}`;
}

function shownName(name) {
	const text = visibleName(name);
	return text.length > NAME_MAX
		? cutMiddle(text, NAME_MAX) + ` (${formatCount(name.length)} characters)`
		: text;
}

/* The elements that describe a bar of the flame graph. */
export function describeBox(tree, box, zoom) {
	if (box.merged) {
		return [
			element(
				"p",
				{ class: "tip-name" },
				`${formatCount(box.merged)} calls too small to draw here`,
			),
			termList([["total", amount(tree, box.samples, zoom)]]),
			element("p", { class: "tip-hint" }, "Click to zoom into them."),
		];
	}
	const frame = tree.frame[box.node];
	const kind = frameKind(tree, frame);
	const system = tree.strings[tree.frames.system_name[frame]];
	const name = frameName(tree, frame);
	return [
		element("p", { class: "tip-name" }, shownName(name)),
		termList([
			["total", amount(tree, tree.total[box.node], zoom)],
			[
				"self",
				kind === "label" && !tree.self[box.node]
					? ""
					: amount(tree, tree.self[box.node], zoom),
			],
			["source", cutMiddle(visibleName(frameSource(tree, frame)), 200)],
			["object", cutMiddle(visibleName(frameObject(tree, frame)), 200)],
			[
				"symbol",
				system && system !== name
					? cutMiddle(visibleName(system), 200)
					: "",
			],
			["kind", kind === "label" ? (box.node ? "process" : "") : kind],
		]),
	];
}

function timeAndShare(tree, samples) {
	const time = formatDuration(samples * tree.periodNs);
	return `${time} (${formatPercent(samples, tree.total[0])})`;
}

/* The same in one line, for the line below the graph. */
export function describeNode(tree, node) {
	const frame = tree.frame[node];
	const parts = [
		cutMiddle(visibleName(frameName(tree, frame)), 160),
		`total ${timeAndShare(tree, tree.total[node])}`,
		`self ${timeAndShare(tree, tree.self[node])}`,
		cutMiddle(visibleName(frameSource(tree, frame)), 100),
		cutMiddle(visibleName(frameObject(tree, frame)), 100),
	];
	return parts.filter((p) => p).join(" · ");
}

/* A moment or range of the timeline, and the processes that used most CPU in it, at most max. */
export function describeMoment(moment, utc, max) {
	const { range } = moment;
	const title = range
		? `${formatClock(range.from, utc)} – ${formatClock(range.until, utc)} ` +
			`(${formatSpan(range.until - range.from)})`
		: formatTime(moment.ms, utc);
	const parts = moment.parts
		.slice()
		.sort((a, b) => b.cpus - a.cpus)
		.slice(0, max)
		.map((p) => [
			cutMiddle(visibleName(p.name), 32) || "(no name)",
			`${p.cpus.toPrecision(2)} CPU`,
		]);
	return [element("p", { class: "tip-name" }, title), termList(parts)];
}

/* All of a profile, in one line. */
export function describeTree(tree) {
	return [
		`${formatCount(tree.samples)} samples`,
		`${formatDuration(tree.samples * tree.periodNs)} of CPU time`,
		`${formatCount(tree.length)} call paths`,
	].join(" · ");
}
