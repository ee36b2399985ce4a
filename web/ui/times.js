/* Times as people read and type them in the page's head. */
import { formatClock, formatSpan, formatTime } from "./format.js";
import { parseTime, timeParam } from "./state.js";

/* A time of the state as its field shows it: relative ones as they are. */
export const timeText = (value, utc) =>
	/^[\d.]+$/.test(value) ? formatTime(Number(value) * 1000, utc, true) : value;

/* A range, once the day where both ends share it. */
export function rangeText(range, utc, selected) {
	const from = formatTime(range.from, utc);
	const until = formatTime(range.until, utc);
	const short = from.slice(0, 10) === until.slice(0, 10);
	return (
		`${from} \u2013 ${short ? formatClock(range.until, utc) : until}` +
		(utc ? " UTC" : "") +
		` · ${formatSpan(range.until - range.from)}${selected ? " selected" : ""}`
	);
}

/* A typed time as the state has it, null where it is none. Without a zone it is meant as shown. */
export function typedTime(text, utc, now) {
	const t = text.trim();
	const zoneless = /^\d{4}-\d\d-\d\d[T ]\d\d:\d\d(:\d\d(\.\d+)?)?$/.test(t);
	const ms = parseTime(zoneless && utc ? t + "Z" : t, now);
	if (ms === null) return null;
	return /^-|^now$/.test(t) ? t : timeParam(ms);
}

/* The typed times of fields {from, until}; null where one is none, which is marked as such. */
export function typedTimes(fields, utc, now) {
	const times = {};
	for (const [id, field] of Object.entries(fields)) {
		times[id] = typedTime(field.value, utc, now);
		field.setAttribute("aria-invalid", String(times[id] === null));
	}
	return Object.values(times).includes(null) ? null : times;
}
