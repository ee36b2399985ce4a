import assert from "node:assert/strict";
import test from "node:test";
import { readLanes } from "../../../web/ui/samples.js";
import { finish } from "./trees.mjs";

test("samples become lanes, the busiest first, each sample with its function", () => {
	const { lanes, times, tops, names, counts, samples } = finish(
		readLanes(
			[
				"#hearth-samples 1",
				"stack\t1\tmain;work",
				"stack\t2\tmain;work;sys_read_[k]",
				"sample\t1000\t7\t8\tapp\tw\\t1\t1",
				"sample\t1005\t7\t7\tapp\tapp\t2",
				"sample\t1010\t7\t7\tapp\tapp\t1\t2",
				"",
			].join("\n"),
		),
	);
	assert.deepEqual(names, ["work", "sys_read"]);
	assert.deepEqual(counts, [3, 1]);
	assert.equal(samples, 4);
	assert.deepEqual(
		lanes.map((l) => [
			l.tid,
			l.thread,
			[...times.slice(l.from, l.until)],
			[...tops.slice(l.from, l.until)],
		]),
		[
			["7", "app", [1005, 1010], [1, 0]],
			["8", "w\t1", [1000], [0]],
		],
	);
});

test("a thread number that another process uses again is another lane", () => {
	const { lanes, times } = finish(
		readLanes(
			[
				"stack\t1\tmain",
				"sample\t1000\t7\t8\ta\ta\t1",
				"sample\t1001\t9\t8\ta\ta\t1",
				"sample\t1002\t7\t8\tb\\t\tb\t1",
				"sample\t1003\t7\t8\tb\\t\tb\t1",
			].join("\n"),
		),
	);
	assert.deepEqual(
		lanes.map((l) => [l.pid, l.comm, times.slice(l.from, l.until).length]),
		[
			["7", "b\t", 2],
			["7", "a", 1],
			["9", "a", 1],
		],
	);
});

test("lines that are no samples are nobody's", () => {
	for (const line of ["", "sample", "sample\t1\t2\t3\ta\tb\t99", "stack\t1", "x\ty", "# c"])
		assert.equal(finish(readLanes(line)).samples, 0, line);
});

test("many threads are read in slices that leave the page its time", () => {
	const lines = ["stack\t1\tmain"];
	for (let tid = 1; tid <= 10000; tid++) lines.push(`sample\t1\t1\t${tid}\ta\ta\t1`);
	const text = lines.join("\n");
	let at = 0; /* how far it has been read */
	const watched = {
		length: text.length,
		indexOf: (what, from) => text.indexOf(what, (at = from)),
		slice: (...range) => text.slice(...range),
	};
	const reading = readLanes(watched);
	for (let before = 0; !reading.next().done; before = at)
		assert.ok(at - before < text.length / 9, `${at - before} of ${text.length}`);
	assert.ok(at > text.length * 0.99);
});
