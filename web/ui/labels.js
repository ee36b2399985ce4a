/*
 * Names that fit into bars: the longest form of a name that has room, cut in the middle where none
 * has.
 *
 * Widths of ASCII are measured once and then added up, because measureText for each bar of each
 * frame is what makes canvas flame graphs slow. Forms and widths are kept for each frame of a tree.
 */
import { cutMiddle, shorterNames, visibleName } from "./format.js";
import { frameName } from "./tree.js";

const LABEL_CHARS_MAX = 400; /* no bar is wider */

export class Labels {
	constructor(context) {
		this.context = context;
		this.setTree(null);
	}

	/* After a change of the context's font. */
	measure() {
		this.ascii = new Float32Array(128);
		for (let c = 32; c < 127; c++)
			this.ascii[c] = this.context.measureText(String.fromCharCode(c)).width;
		this.ellipsis = this.context.measureText("…").width;
	}

	setTree(tree) {
		this.tree = tree;
		this.forms = tree ? new Array(tree.frameCount) : [];
	}

	width(text) {
		let sum = 0;
		for (let i = 0; i < text.length; i++) {
			const c = text.charCodeAt(i);
			if (c === 0x2026) sum += this.ellipsis;
			else if (c < 128) sum += this.ascii[c];
			else return this.context.measureText(text).width;
		}
		return sum;
	}

	/* The label of a frame for so many pixels; "" where not even three characters have room. */
	fit(frame, room) {
		const forms = (this.forms[frame] ??= this.formsOf(frame));
		for (const form of forms) {
			if (form.width <= room) return form.text;
		}
		return this.cut(forms.at(-1), room);
	}

	formsOf(frame) {
		return shorterNames(frameName(this.tree, frame).slice(0, 4096)).map((full) => {
			const text = cutMiddle(visibleName(full), LABEL_CHARS_MAX);
			return { text, width: this.width(text) };
		});
	}

	cut(form, room) {
		let low = 2;
		let high = form.text.length - 1;
		while (low < high) {
			const middle = (low + high + 1) >> 1;
			if (this.width(cutMiddle(form.text, middle)) <= room) low = middle;
			else high = middle - 1;
		}
		if (low >= 6) return cutMiddle(form.text, low);
		return low < 3
			? ""
			: form.text.slice(0, low - 1) +
					/*
					 * with so little room a beginning tells more than two ends
					 */
					"…";
	}
}
