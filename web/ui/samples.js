/*
 * The text of `format=samples` as lanes: the samples of each thread in time order, each with the
 * function that ran. Lines that are none are skipped: names in them are foreign. Pure, no DOM.
 */
const PAUSE_MASK = 1023; /* lines of a slice: with all threads new, some ms */
const UNESCAPED = { t: "\t", n: "\n", "\\": "\\" };
const MARK = /_\[[kijp]\]$/;

const fieldText = (field) => field.replace(/\\([tn\\])/g, (all, c) => UNESCAPED[c]);

/* The leaf of folded frames without its mark of kind. */
function leafOf(folded) {
	return fieldText(folded.slice(folded.lastIndexOf(";") + 1)).replace(MARK, "");
}

/* The lanes that have been met: by thread number, which processes may use again. */
class LaneTable {
	constructor() {
		this.lanes = [];
		this.byTid = new Map();
	}

	/* The number of a thread's lane, made where there is none. */
	of(pid, tid, comm, thread) {
		const met = this.byTid.get(tid) ?? [];
		const known = met.find((i) => {
			const lane = this.lanes[i];
			return lane.pid === pid && lane.foreign === comm;
		});
		if (known !== undefined) return known;
		const foreign = comm; /* as it stands in the text */
		[comm, thread] = [fieldText(comm), fieldText(thread)];
		if (!met.length) this.byTid.set(tid, met);
		met.push(this.lanes.length);
		return this.lanes.push({ pid, tid, comm, thread, foreign, from: 0, until: 0 }) - 1;
	}
}

/* Samples that came in time order, in that order but lane by lane. */
function* sortedByLane(lanes, laneOf, timeOf, topOf) {
	const times = new Float64Array(laneOf.length);
	const tops = new Uint32Array(laneOf.length);
	for (const lane of laneOf) lanes[lane].until++;
	yield;
	const order = lanes.map((lane, i) => i).sort((a, b) => lanes[b].until - lanes[a].until);
	yield;
	let at = 0;
	for (const i of order) {
		const n = lanes[i].until;
		lanes[i].from = lanes[i].until = at;
		at += n;
	}
	for (let k = 0; k < laneOf.length; k++) {
		const to = lanes[laneOf[k]].until++;
		times[to] = timeOf[k];
		tops[to] = topOf[k];
		if ((k & PAUSE_MASK) === PAUSE_MASK) yield;
	}
	return { lanes: order.map((i) => lanes[i]), times, tops };
}

/*
 * A generator that yields between slices and returns
 * {lanes: [{pid, tid, comm, thread, from, until}] busiest first; times (ms) and tops (function
 * numbers), of a lane's samples in [from, until); names: of functions, counts: their samples,
 * samples}.
 */
export function* readLanes(text) {
	const table = new LaneTable();
	const numbers = new Map();
	const [names, counts] = [[], []];
	const stacks = new Map();
	const [laneOf, timeOf, topOf] = [[], [], []];
	let samples = 0;
	for (let at = 0, read = 0; at < text.length; read++) {
		if ((read & PAUSE_MASK) === PAUSE_MASK) yield;
		const newline = text.indexOf("\n", at);
		const end = newline < 0 ? text.length : newline;
		const field = text.slice(at, end).split("\t");
		at = end + 1;
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
			const top = stacks.get(stack);
			laneOf.push(table.of(pid, tid, comm, thread));
			timeOf.push(Number(time));
			topOf.push(top);
			counts[top] += count;
			samples += count;
		}
	}
	const sorted = yield* sortedByLane(table.lanes, laneOf, timeOf, topOf);
	return { ...sorted, names, counts, samples };
}
