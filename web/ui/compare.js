/*
 * Two ranges compared: which range the other one is, and what of the difference is more than
 * chance.
 *
 * The test is the likelihood-ratio test (G): of shares, whether a function has the same part of
 * both profiles; of amounts, whether its samples fall on both ranges as their lengths do. What
 * chance makes as large in one of a thousand comparisons or more counts as noise. It takes samples
 * as independent; those that follow each other on one CPU are alike, so it asks for the least that
 * must hold. Pure, no DOM.
 */
import { parseSelection } from "./state.js";
import { allBaseSamples, allSamples } from "./tree.js";

export const NOISE_Z = 3.29; /* two-sided p = 0.001: hundreds of functions are looked at at once */
const BACK_MS = { "1h": 3600000, "24h": 86400000 };

/* The range to compare with: before by a fixed time, just before (`prev`), or as it is given. */
export function baseRange(base, range) {
	const back = base === "prev" ? range.until - range.from : BACK_MS[base];
	return back ? { from: range.from - back, until: range.until - back } : parseSelection(base);
}

/* What one of the base's samples weighs beside one of now's. */
export function baseScale(tree, absolute) {
	const { base } = tree;
	if (!absolute) return base.samples && tree.samples ? tree.samples / base.samples : 1;
	/* an empty profile has no period of its own */
	const period = (t) => t.periodNs || tree.periodNs || base.periodNs || 1;
	const exposure = (t) => (t.endMs - t.startMs) / period(t);
	const ratio = exposure(tree) / exposure(base);
	return ratio > 0 && ratio < Infinity ? ratio : 1; /* no base: whatever it weighs */
}

const part = (observed, expected) =>
	observed > 0 ? observed * Math.log(observed / expected) : 0;

/*
 * How far `now` of nowAll and `was` of wasAll are from the same share, in standard deviations;
 * positive: more now. `scale` as baseScale(): with `absolute`, from the same amount a time.
 */
export function zOf(now, was, nowAll, wasAll, scale, absolute) {
	const both = now + was;
	if (!both) return 0;
	const share = absolute ? scale / (1 + scale) : nowAll / (nowAll + wasAll);
	let g = part(now, both * share) + part(was, both * (1 - share));
	if (!absolute) {
		const rest = nowAll + wasAll - both;
		g += part(nowAll - now, rest * share) + part(wasAll - was, rest * (1 - share));
	}
	return Math.sign(now - both * share) * Math.sqrt(2 * Math.max(g, 0));
}

/* Two-sided: how often chance alone is as far off. Abramowitz and Stegun 26.2.17. */
export function chanceOf(z) {
	const x = Math.abs(z);
	const t = 1 / (1 + 0.2316419 * x);
	const poly = [1.330274429, -1.821255978, 1.781477937, -0.356563782, 0.31938153].reduce(
		(sum, b) => (sum + b) * t,
		0,
	);
	return Math.min(1, (2 * Math.exp((-x * x) / 2) * poly) / Math.sqrt(2 * Math.PI));
}

export const CHANGES = ["noise", "new", "gone", "more", "less"];

/*
 * {kind: one of CHANGES, strength 1 to 3, z, delta: of the shares, in points}: what became of one
 * function or call path. In absolute comparisons shares are of now's samples on both sides.
 */
export function changeOf(tree, now, was) {
	const [nowAll, wasAll] = [allSamples(tree), allBaseSamples(tree)];
	const z = zOf(now, was, nowAll, wasAll, tree.scale, tree.absolute);
	const whole = tree.absolute ? Math.max(nowAll, wasAll * tree.scale) : nowAll || 1;
	const before = (was * tree.scale) / (whole || 1);
	const after = now / (whole || 1);
	const delta = 100 * (after - before);
	if (Math.abs(z) < NOISE_Z) return { kind: "noise", strength: 0, z, delta };
	const change = Math.abs(after - before) / Math.max(after, before);
	const strength = change < 0.2 ? 1 : change < 0.5 ? 2 : 3;
	const kind = !was ? "new" : !now ? "gone" : z > 0 ? "more" : "less";
	return { kind, strength, z, delta };
}

/* `99.9 %` and more; never a round 100. */
export function confidenceText(z) {
	const p = chanceOf(z);
	if (p < 1e-6) return "> 99.9999 %";
	return (100 * (1 - p)).toFixed(p < 1e-3 ? 4 : p < 0.1 ? 2 : 0) + " %";
}
