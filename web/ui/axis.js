/*
 * Steps and ticks of the time axis. Pure, no DOM.
 */

const SECOND = 1000,
	MINUTE = 60 * SECOND,
	HOUR = 60 * MINUTE,
	DAY = 24 * HOUR;
const STEPS = [
	SECOND / 10,
	SECOND / 5,
	SECOND / 2,
	SECOND,
	2 * SECOND,
	5 * SECOND,
	10 * SECOND,
	15 * SECOND,
	30 * SECOND,
	MINUTE,
	2 * MINUTE,
	5 * MINUTE,
	10 * MINUTE,
	15 * MINUTE,
	30 * MINUTE,
	HOUR,
	2 * HOUR,
	3 * HOUR,
	6 * HOUR,
	12 * HOUR,
	DAY,
	2 * DAY,
	7 * DAY,
	14 * DAY,
	28 * DAY,
];

export const SPAN_MIN_MS = SECOND; /* the smallest window of the timeline */
export const SPAN_MAX_MS = 400 * DAY;

/* The first round step that makes at most `most` of a span. */
export const roundStep = (spanMs, most) => STEPS.find((s) => spanMs / s <= most) ?? STEPS.at(-1);

/* The moments of [from, until) where a tick stands: round in local time, or in UTC. */
export function timeTicks(from, until, most, utc) {
	const step = roundStep(until - from, most);
	const zone = utc ? 0 : new Date(from).getTimezoneOffset() * MINUTE;
	const ticks = [];
	for (let t = Math.ceil((from - zone) / step) * step + zone; t < until; t += step)
		ticks.push(t);
	return { step, ticks };
}

/* A round top for an axis of values, and the values of its lines: 0.5 -> [0, 0.25, 0.5]. */
export function valueTicks(max) {
	if (!(max > 0)) return { top: 1, ticks: [1] };
	const power = 10 ** Math.floor(Math.log10(max));
	const top = [1, 1.5, 2, 3, 4, 6, 8, 10].map((m) => m * power).find((v) => v >= max * 0.999);
	return { top, ticks: [top / 2, top] };
}
