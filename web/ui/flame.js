/*
 * The binary form of a profile (web/API.md has every byte): JSON in which a column of numbers says
 * where it lies, and the bytes of all columns. A report has it compressed, in base64.
 *
 * A column is a view of these bytes: nothing is copied, and a number takes the one, two or four
 * bytes that it needs. Knows no element.
 */
import { yieldToPage } from "./dom.js";
import { need } from "./tree.js";

const MAGIC = "hflame1\n";
const HEAD_BYTES = 16;
const ALIGNMENT = 8;
const PIECE_BYTES = 1 << 17; /* of a report's profile, inflated at a time */
const TYPES = {
	uint8: Uint8Array,
	uint16: Uint16Array,
	uint32: Uint32Array,
	float64: Float64Array,
};

/* What turns an entry of the JSON into its column. */
function columnsOf(buffer, start, bytes) {
	return (entry) => {
		const { type, at, length } = entry ?? {};
		need(Object.hasOwn(TYPES, type), "a column of no known type");
		const Type = TYPES[type];
		need(
			Number.isInteger(at) &&
				at >= 0 &&
				at % ALIGNMENT === 0 &&
				Number.isInteger(length) &&
				length >= 0 &&
				at + length * Type.BYTES_PER_ELEMENT <= bytes,
			"a column that lies outside",
		);
		const column = new Type(buffer, start + at, length);
		need(
			Type !== Float64Array ||
				column.every((n) => Number.isSafeInteger(n) && n >= 0),
			"a column of no whole numbers",
		);
		return column;
	};
}

/* {value, column}: the JSON as an object, and what turns an entry of it into its column. */
export function readFlame(buffer) {
	need(buffer.byteLength >= HEAD_BYTES, "it ended early");
	const head = new DataView(buffer);
	const decoder = new TextDecoder();
	need(decoder.decode(new Uint8Array(buffer, 0, MAGIC.length)) === MAGIC, "no such format");
	const json = head.getUint32(8, true);
	const columns = head.getUint32(12, true);
	need(json % ALIGNMENT === 0 && columns % ALIGNMENT === 0, "parts of odd lengths");
	need(buffer.byteLength === HEAD_BYTES + json + columns, "it ended early or late");
	const value = JSON.parse(decoder.decode(new Uint8Array(buffer, HEAD_BYTES, json)));
	need(value?.version === 1, "a version that is not known");
	return { value, column: columnsOf(buffer, HEAD_BYTES + json, columns) };
}

/* The buffer that a report's text holds; inflated in pieces that leave the page its time. */
export function unpackFlame(base64) {
	/** @type {any} */
	const { fromBase64 } = Uint8Array;
	const bytes = fromBase64
		? fromBase64.call(Uint8Array, base64)
		: Uint8Array.from(atob(base64), (c) => c.charCodeAt(0));
	let at = 0;
	const stream = new ReadableStream({
		async pull(pieces) {
			await yieldToPage();
			const piece = bytes.subarray(at, (at += PIECE_BYTES));
			if (piece.length) pieces.enqueue(piece);
			else pieces.close();
		},
	});
	return new Response(
		stream.pipeThrough(new DecompressionStream("gzip")),
	).arrayBuffer();
}
