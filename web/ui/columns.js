/*
 * JSON whose arrays of numbers go straight into typed arrays, read as it arrives.
 *
 * A profile of a million nodes is 20 MB of JSON, nearly all of it columns of numbers. JSON.parse
 * would hold the page for as long as all of it takes and leave four million boxed elements; this
 * reader takes each chunk of bytes as the network brings it. Every array whose first element is a
 * number becomes a column and leaves its index in the text ("the skeleton"); what remains, names
 * and small objects, is given to JSON.parse. Pure, no DOM.
 */

const QUOTE = 34,
	COMMA = 44,
	MINUS = 45,
	DOT = 46,
	ZERO = 48,
	NINE = 57,
	OPEN = 91,
	BACKSLASH = 92,
	CLOSE = 93;
const PLUS = 43,
	UPPER_E = 69,
	LOWER_E = 101;
const FIRST_ROOM = 1024; /* elements a column starts with; it doubles */
const EXACT_MAX = 2 ** 53;

/* A growing column: 32 bits an element until a value does not fit, then doubles. */
class Column {
	constructor() {
		/** @type {any} of Uint32Array or Float64Array */
		this.values = new Uint32Array(FIRST_ROOM);
		this.length = 0;
	}

	push(value) {
		if (this.length === this.values.length) {
			const more = new this.values.constructor(this.length * 2);
			more.set(this.values);
			this.values = more;
		}
		if (value > 0xffffffff || value < 0 || value % 1) {
			if (this.values instanceof Uint32Array)
				this.values = Float64Array.from(this.values);
		}
		this.values[this.length++] = value;
	}

	finish() {
		return this.values.slice(0, this.length);
	}
}

const IN_TEXT = 0,
	IN_STRING = 1,
	IN_ESCAPE = 2,
	AFTER_OPEN = 3,
	IN_COLUMN = 4;

export class ColumnReader {
	constructor() {
		this.mode = IN_TEXT;
		this.pieces = []; /* bytes of the skeleton */
		this.columns = [];
		this.column = null;
		this.number = 0;
		this.digits = 0;
		this.odd = ""; /* a number with sign, fraction or exponent, as text */
	}

	/* The next bytes, a Uint8Array. Throws SyntaxError where they are no JSON. */
	feed(bytes) {
		const n = bytes.length;
		let i = 0;
		let start = 0; /* of what has not been copied to the skeleton */
		while (i < n) {
			if (this.mode === IN_COLUMN) {
				i = this.feedColumn(bytes, i);
				start = i;
				continue;
			}
			const c = bytes[i];
			if (this.mode === IN_STRING) {
				if (c === BACKSLASH) this.mode = IN_ESCAPE;
				else if (c === QUOTE) this.mode = IN_TEXT;
			} else if (this.mode === IN_ESCAPE) {
				this.mode = IN_STRING;
			} else if (
				this.mode === AFTER_OPEN &&
				((c >= ZERO && c <= NINE) || c === MINUS)
			) {
				this.pieces.push(bytes.slice(start, i));
				this.openColumn();
				continue;
			} else if (c === OPEN) {
				if (this.mode === AFTER_OPEN) this.pieces.push(Uint8Array.of(OPEN));
				this.pieces.push(bytes.slice(start, i));
				start = i + 1;
				this.mode = AFTER_OPEN;
			} else if (c > 32 || this.mode !== AFTER_OPEN) {
				if (this.mode === AFTER_OPEN) this.pieces.push(Uint8Array.of(OPEN));
				this.mode = c === QUOTE ? IN_STRING : IN_TEXT;
			}
			i++;
		}
		if (start < n) this.pieces.push(bytes.slice(start, n));
	}

	openColumn() {
		this.pieces.push(new TextEncoder().encode(" " + this.columns.length + " "));
		this.column = new Column();
		this.columns.push(this.column);
		this.mode = IN_COLUMN;
	}

	/* Numbers up to the closing bracket or the end of the bytes; where it stopped. */
	feedColumn(bytes, i) {
		const n = bytes.length;
		let number = this.number;
		let digits = this.digits;
		for (; i < n; i++) {
			const c = bytes[i];
			if (c >= ZERO && c <= NINE && !this.odd) {
				number = number * 10 + (c - ZERO);
				digits++;
			} else if (c === COMMA || c === CLOSE) {
				this.pushNumber(number, digits);
				number = digits = 0;
				if (c === CLOSE) {
					this.mode = IN_TEXT;
					i++;
					break;
				}
			} else if (c > 32) {
				this.oddByte(c, number, digits);
				digits++;
			}
		}
		this.number = number;
		this.digits = digits;
		return i;
	}

	oddByte(c, number, digits) {
		const known =
			(c >= ZERO && c <= NINE) ||
			c === MINUS ||
			c === PLUS ||
			c === DOT ||
			c === UPPER_E ||
			c === LOWER_E;
		if (!known || this.odd.length > 40)
			throw new SyntaxError("a column holds something that is no number");
		if (!this.odd && digits) this.odd = String(number);
		this.odd += String.fromCharCode(c);
	}

	pushNumber(number, digits) {
		const value = this.odd ? Number(this.odd) : number;
		this.odd = "";
		if (!digits || Number.isNaN(value) || Math.abs(value) > EXACT_MAX)
			throw new SyntaxError("a column holds something that is no number");
		this.column.push(value);
	}

	/*
	 * {value, column}: the skeleton as an object, and what turns an entry of it into its
	 * column.
	 */
	finish() {
		if (this.mode !== IN_TEXT) throw new SyntaxError("the answer ended early");
		const decoder = new TextDecoder();
		const text =
			this.pieces.map((p) => decoder.decode(p, { stream: true })).join("") +
			decoder.decode();
		const columns = this.columns.map((c) => c.finish());
		this.pieces = this.columns = null;
		return {
			value: JSON.parse(text),
			column: (entry) =>
				Array.isArray(entry) ? new Uint32Array(0) : columns[entry],
		};
	}
}
