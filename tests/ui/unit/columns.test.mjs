import assert from "node:assert/strict";
import test from "node:test";
import { ColumnReader } from "../../../web/ui/columns.js";

/* Reads a text in pieces of `size` bytes. */
function read(text, size) {
	const bytes = new TextEncoder().encode(text);
	const reader = new ColumnReader();
	for (let i = 0; i < bytes.length; i += size) reader.feed(bytes.slice(i, i + size));
	return reader.finish();
}

const SAMPLE =
	'{"a": [1, 2,3 ], "strings": ["[1,2]", "é\\"[3", "\\\\"], "none": [], ' +
	'"deep": {"b": [ 0]}, "mixed": [[4],["x"]], "n": 5}';

test("columns come out as typed arrays wherever the chunks end", () => {
	for (let size = 1; size < 40; size++) {
		const { value, column } = read(SAMPLE, size);
		assert.deepEqual([...column(value.a)], [1, 2, 3]);
		assert.deepEqual(value.strings, ["[1,2]", 'é"[3', "\\"]);
		assert.equal(column(value.none).length, 0);
		assert.deepEqual([...column(value.deep.b)], [0]);
		assert.deepEqual([...column(value.mixed[0])], [4]);
		assert.deepEqual(value.mixed[1], ["x"]);
		assert.equal(value.n, 5);
	}
});

test("numbers beyond 32 bits, below zero and with fractions are kept", () => {
	const { value, column } = read('{"a":[1,4294967296,3],"b":[-1,2.5,1e3]}', 3);
	assert.deepEqual([...column(value.a)], [1, 4294967296, 3]);
	assert.deepEqual([...column(value.b)], [-1, 2.5, 1000]);
});

test("long columns grow", () => {
	const numbers = Array.from({ length: 100000 }, (_, i) => i * 3);
	const { value, column } = read(JSON.stringify({ a: numbers }), 4096);
	assert.deepEqual([...column(value.a)], numbers);
});

test("what is no JSON is an error, not a wrong answer", () => {
	for (const bad of [
		'{"a":[1,2',
		'{"a":[1,x]}',
		'{"a":[1,]}',
		'{"a":[1,,2]}',
		'{"a":[1 2}',
		'{"a":[12345678901234567890]}',
		'{"a',
		"",
		"{]",
	])
		assert.throws(() => read(bad, 4), SyntaxError, bad);
});
