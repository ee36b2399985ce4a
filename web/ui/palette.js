/*
 * Colours of bars: by object or by kind, in light and dark.
 *
 * All colours of a theme share one lightness in OKLCH, so that labels are as readable on each of
 * them and none shouts. An object keeps its colour while the page lives: live profiles would
 * flicker otherwise. Hues near the search colour are left out. No DOM.
 */
import { packageOf } from "./format.js";
import { frameKind, frameName, frameObject } from "./tree.js";

/* as many as there are slots from FIRST_HUE to FIRST_CHANGE */
const HUES = [52, 150, 215, 300, 100, 185, 22, 125, 275, 72, 240, 165];
const KERNEL_HUE = 258;
const KIND_HUES = { native: 52, kernel: KERNEL_HUE, inlined: 85, jit: 150, interpreted: 300 };

/* Slots of a palette: 0 muted, 1 labels, 2 incomplete, 3 kernel, 4 and on the hues. */
export const MUTED = 0,
	LABEL = 1,
	INCOMPLETE = 2,
	KERNEL = 3,
	FIRST_HUE = 4,
	FIRST_CHANGE = 16; /* of changes: noise, new, gone, more 1 to 3, less 1 to 3 */

/*
 * OKLCH to #rrggbb, clipped to what sRGB has. Matrices: Björn Ottosson,
 * https://bottosson.github.io/posts/oklab/
 */
export function oklch(l, c, h) {
	const a = c * Math.cos((h * Math.PI) / 180);
	const b = c * Math.sin((h * Math.PI) / 180);
	const [x, y, z] = [
		l + 0.3963377774 * a + 0.2158037573 * b,
		l - 0.1055613458 * a - 0.0638541728 * b,
		l - 0.0894841775 * a - 1.291485548 * b,
	].map((v) => v ** 3);
	const linear = [
		4.0767416621 * x - 3.3077115913 * y + 0.2309699292 * z,
		-1.2684380046 * x + 2.6097574011 * y - 0.3413193965 * z,
		-0.0041960863 * x - 0.7034186147 * y + 1.707614701 * z,
	];
	return (
		"#" +
		linear
			.map((v) => {
				const s = Math.min(
					Math.max(
						v <= 0.0031308
							? 12.92 * v
							: 1.055 * v ** (1 / 2.4) - 0.055,
						0,
					),
					1,
				);
				return Math.round(s * 255)
					.toString(16)
					.padStart(2, "0");
			})
			.join("")
	);
}

/*
 * Colours of bars by slot, and the same faded towards the page for what a search did not match; of
 * matches, and of muted bars that have some inside.
 */
export function themePalette(dark) {
	const make = dark
		? (h, c, faded) => oklch(faded ? 0.3 : 0.46, faded ? c * 0.25 : c * 0.78, h)
		: (h, c, faded) => oklch(faded ? 0.945 : 0.855, faded ? c * 0.2 : c * 0.82, h);
	const slots = (faded) => [
		make(70, 0.012, faded),
		make(70, 0.018, faded),
		make(25, 0.11, faded),
		make(KERNEL_HUE, 0.065, faded),
		...HUES.map((h) => make(h, 0.092, faded)),
		...changeColors(dark, faded),
	];
	return {
		bars: slots(false),
		dim: slots(true),
		matchInside: dark ? oklch(0.42, 0.12, 345) : oklch(0.885, 0.075, 345),
		heat: Array.from({ length: 9 }, (_, i) =>
			dark
				? oklch(0.22 + 0.075 * i, 0.03 + 0.016 * i, 30 + 6 * i)
				: oklch(0.95 - 0.055 * i, 0.03 + 0.014 * i, 75 - 4 * i),
		),
		match: dark ? oklch(0.56, 0.19, 345) : oklch(0.79, 0.15, 345),
		text: dark ? "#f6f1ec" : "#2a211b",
		faint: dark ? "#b3a99f" : "#6f655d",
	};
}

/*
 * More is orange, less is blue, which the colour-blind tell apart as well; new and gone are the
 * strongest of each and darker. Noise has no colour.
 */
function changeColors(dark, faded) {
	const light = (step) => (dark ? 0.36 + 0.04 * step : 0.93 - 0.065 * step);
	const color = (step, hue) =>
		faded
			? oklch(dark ? 0.3 : 0.945, 0.015, hue)
			: oklch(light(step), 0.035 + 0.033 * step, hue);
	return [
		oklch(dark ? 0.36 : 0.9, 0.006, 70),
		...[4, 4].map((step, i) => color(step, i ? 262 : 42)),
		...[1, 2, 3].map((step) => color(step, 55)),
		...[1, 2, 3].map((step) => color(step, 250)),
	];
}

/* The slot of a change as changeOf() tells it. */
export function changeSlot({ kind, strength }) {
	const at = { noise: 0, new: 1, gone: 2, more: 2 + strength, less: 5 + strength }[kind];
	return FIRST_CHANGE + at;
}

/* Remembers which slot an object has. */
export class ObjectColors {
	constructor() {
		this.slots = new Map();
	}

	slot(object) {
		if (!this.slots.has(object))
			this.slots.set(object, FIRST_HUE + (this.slots.size % HUES.length));
		return this.slots.get(object);
	}
}

/*
 * {of, samples, firsts}: the number, from 1, of each frame's group, which frames of one object and
 * kind share (`alone`: none do); the samples of a number; and the first frame of each. No more than
 * the loop, for a browser takes its time to make the fastest code of a function.
 */
function numberFrames({ frameCount, frames, selfOf, strings, kinds }, alone) {
	const { kind, object } = frames;
	const each = kinds.length + 1;
	const numbers = new Uint32Array(alone ? 0 : strings.length * each);
	const of = new Uint32Array(frameCount);
	const samples = new Float64Array(frameCount + 1);
	const firsts = [];
	for (let f = 0; f < frameCount; f++) {
		const key = object[f] * each + kind[f];
		const number = numbers[key] || (numbers[key] = firsts.push(f));
		of[f] = number;
		samples[number] += selfOf[f];
	}
	return { of, samples, firsts };
}

/* {slotOf(frame), legend: [{name, slot, samples}] largest first}. */
export function colorFrames(tree, mode, colors) {
	const { of, samples, firsts } = numberFrames(tree, mode === "package");
	const groups = new Map(); /* by name */
	const members = firsts.map((f, i) => {
		const name = groupName(tree, f, mode);
		if (!groups.has(name)) groups.set(name, { name, slot: MUTED, samples: 0 });
		const group = groups.get(name);
		group.samples += samples[i + 1];
		return group;
	});
	const ranked = [...groups.values()].sort((a, b) => b.samples - a.samples);
	for (const group of ranked) group.slot = groupSlot(group.name, mode, colors);
	return {
		slotOf: (frame) => members[of[frame] - 1].slot,
		legend: ranked.filter((group) => group.samples > 0),
	};
}

function groupName(tree, f, mode) {
	const kind = frameKind(tree, f);
	if (mode === "kind" || kind === "label" || kind === "incomplete" || kind === "kernel")
		return kind;
	const object = frameObject(tree, f) || "no object";
	return mode === "package" ? packageOf(frameName(tree, f), object) : object;
}

function groupSlot(name, mode, colors) {
	if (name === "label") return LABEL;
	if (name === "incomplete") return INCOMPLETE;
	if (name === "kernel") return KERNEL;
	if (mode === "kind")
		return (
			FIRST_HUE +
			Math.max(
				0,
				HUES.findIndex((h) => Math.abs(h - (KIND_HUES[name] ?? 215)) < 16),
			)
		);
	return colors.slot(name);
}
