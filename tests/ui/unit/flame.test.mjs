import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import test from "node:test";
import { gzipSync } from "node:zlib";
import { readFlame, unpackFlame } from "../../../web/ui/flame.js";
import { buildTree } from "./trees.mjs";

/* Both written by the encoder: tests/unit/web/test_flame.c. */
const golden = (name) => readFileSync(new URL("golden/" + name, import.meta.url));
const json = JSON.parse(golden("compared.flame.json"));
const file = golden("compared.flame");
const binary = () => new Uint8Array(file).buffer;

const JSON_AT = 16;
const jsonLength = () => new DataView(binary()).getUint32(8, true);
const skeleton = () => new TextDecoder().decode(new Uint8Array(binary(), JSON_AT, jsonLength()));
const columnBytes = () => Buffer.from(binary(), JSON_AT + jsonLength());

/* The binary form of a JSON text and column bytes. */
function put(text, columns) {
	const padded = Buffer.from(text.padEnd(Math.ceil(text.length / 8) * 8));
	const head = Buffer.alloc(JSON_AT);
	head.write("hflame1\n");
	head.writeUInt32LE(padded.length, 8);
	head.writeUInt32LE(columns.length, 12);
	return new Uint8Array(Buffer.concat([head, padded, columns])).buffer;
}

test("both forms of a profile are the same tree", () => {
	const { value, column } = readFlame(binary());
	const tree = buildTree(value, column);
	const other = buildTree(json, (numbers) => Float64Array.from(numbers));
	const plain = (o) =>
		JSON.parse(
			JSON.stringify(o, (_, v) => (ArrayBuffer.isView(v) ? Array.from(v) : v)),
		);
	assert.deepEqual(plain(tree), plain(other));
	assert.equal(tree.was.total.length, tree.length);
});

test("a column takes the bytes that its largest number needs", () => {
	const { value, column } = readFlame(binary());
	assert.ok(column(value.depth) instanceof Uint8Array);
	assert.ok(column(value.total) instanceof Uint16Array);
	assert.ok(column(value.base.total) instanceof Float64Array);
	assert.equal(column(value.base.total)[0], json.base.total[0]);
	assert.ok(json.base.total[0] > 2 ** 32);
});

test("a report's text is the same", async () => {
	const text = gzipSync(file).toString("base64");
	assert.ok(file.equals(Buffer.from(await unpackFlame(text))));
});

test("a report's text that was cut or changed is refused", async () => {
	const text = gzipSync(file).toString("base64");
	for (const bad of ["", text.slice(0, -8), "AAAA" + text])
		await assert.rejects(async () => readFlame(await unpackFlame(bad)));
});

function changed(at, write) {
	const copy = Buffer.from(binary());
	write(copy, at);
	return new Uint8Array(copy).buffer;
}

const malformed = {
	"no bytes": new ArrayBuffer(0),
	"a head that ends early": binary().slice(0, 15),
	"another magic": changed(0, (b) => b.write("hflame2\n")),
	"one byte less": binary().slice(0, -1),
	"one byte more": put(skeleton(), Buffer.concat([columnBytes(), Buffer.alloc(1)])),
	"a JSON that is longer than all": changed(8, (b, at) => b.writeUInt32LE(0xfffffff8, at)),
	"parts that together overflow 32 bits": changed(8, (b, at) => {
		b.writeUInt32LE(0xfffffff8, at);
		b.writeUInt32LE(jsonLength() + columnBytes().length + 8, at + 4);
	}),
	"a JSON of odd length": changed(8, (b, at) => {
		b.writeUInt32LE(jsonLength() - 1, at);
		b.writeUInt32LE(columnBytes().length + 1, at + 4);
	}),
	"columns of odd length": put(skeleton(), columnBytes().subarray(0, -4)),
	"text that is no JSON": put("{", columnBytes()),
	"null": put("null", columnBytes()),
	"another version": put(skeleton().replace('"version":1', '"version":2'), columnBytes()),
};
for (const [why, buffer] of Object.entries(malformed))
	test("refused: " + why, () => assert.throws(() => readFlame(buffer), SyntaxError));

const bad = Buffer.alloc(8);
bad.writeDoubleLE(1.5);
const columns = {
	"a number in a column's place": 7,
	"an array": [1, 2],
	"null": null,
	"no type": { at: 0, length: 1 },
	"a type of another name": { type: "int8", at: 0, length: 1 },
	"a type of Object's": { type: "constructor", at: 0, length: 1 },
	"one past the end": { type: "uint8", at: 0, length: 9 },
	"elements past the end": { type: "uint32", at: 0, length: 3 },
	"begins behind the end": { type: "uint8", at: 16, length: 0 },
	"begins before the columns": { type: "uint8", at: -8, length: 1 },
	"not aligned": { type: "uint8", at: 4, length: 1 },
	"a fraction as place": { type: "uint8", at: 0.5, length: 1 },
	"a negative length": { type: "uint8", at: 0, length: -1 },
	"a length that overflows": { type: "float64", at: 0, length: 2 ** 61 },
	"text as length": { type: "uint8", at: 0, length: "1" },
	"a fraction as value": { type: "float64", at: 0, length: 1 },
};
for (const [why, entry] of Object.entries(columns))
	test("a column is refused: " + why, () => {
		const { value, column } = readFlame(
			put(JSON.stringify({ version: 1, depth: entry }), bad),
		);
		assert.throws(() => column(value.depth), SyntaxError);
	});
