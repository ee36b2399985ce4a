/*
 * The text of `format=samples` as lanes: the samples of each thread in time order, each with the
 * function that ran. Lines that are none are skipped: names in them are foreign. Pure, no DOM.
 */
const PAUSE_MASK = 4095; /* lines of a slice: with all threads new, some 10 ms */
const UNESCAPED = { t: "\t", n: "\n", "\\": "\\" };
const MARK = /_\[[kijp]\]$/;

function fieldText(field) {
	return field.replace(/\\([tn\\])/g, (all, c) => UNESCAPED[c]);
}

/* The leaf of folded frames without its mark of kind. */
function leafOf(folded) {
	return fieldText(folded.slice(folded.lastIndexOf(";") + 1)).replace(MARK, "");
}

/*
 * A generator that yields between slices and returns
 * {lanes: [{pid, tid, comm, thread, times (ms), tops (function numbers)}] busiest first, names: of
 * functions, counts: their samples, samples}.
 */
export function* readLanes(text) {
	const lanes = new Map();
	const numbers = new Map();
	const [names, counts] = [[], []];
	const stacks = new Map();
	let samples = 0;
	let read = 0;
	for (const line of text.split("\n")) {
		if ((read++ & PAUSE_MASK) === PAUSE_MASK) yield;
		const field = line.split("\t");
		if (field[0] === "stack" && field.length >= 3) {
			const leaf = leafOf(field[2]);
			if (!numbers.has(leaf)) {
				numbers.set(leaf, names.length);
				names.push(leaf);
				counts.push(0);
			}
			stacks.set(field[1], numbers.get(leaf));
		} else if (field[0] === "sample" && field.length >= 7 && stacks.has(field[6])) {
			const [, time, pid, tid, comm, thread, stack] = field;
			const count = Number(field[7] ?? 1) || 1;
			const key = pid + " " + tid + " " + comm;
			if (!lanes.has(key))
				lanes.set(key, {
					pid,
					tid,
					comm: fieldText(comm),
					thread: fieldText(thread),
					times: [],
					tops: [],
				});
			const lane = lanes.get(key);
			lane.times.push(Number(time));
			lane.tops.push(stacks.get(stack));
			counts[stacks.get(stack)] += count;
			samples += count;
		}
	}
	const sorted = [...lanes.values()].sort((a, b) => b.times.length - a.times.length);
	return { lanes: sorted, names, counts, samples };
}
