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
const NAME_CHARS_MAX = 4096; /* of a name, which is looked at for its shorter forms */

export class Labels {
	constructor(context) {
		this.context = context; /* with the labels' font, whenever one is asked for */
		this.ascii = new Float32Array(128);
		this.ellipsis = 0;
		this.setTree(null);
	}

	measured(text) {
		return this.context.measureText(text).width;
	}

	setTree(tree) {
		this.tree = tree;
		this.forms = tree ? new Array(tree.frameCount) : [];
	}

	width(text) {
		let sum = 0;
		for (let i = 0; i < text.length; i++) {
			const c = text.charCodeAt(i);
			if (c === 0x2026) sum += this.ellipsis ||= this.measured(text[i]);
			else if (c < 128) sum += this.ascii[c] ||= this.measured(text[i]);
			else return this.measured(text);
		}
		return sum;
	}

	/* The label of a frame for so many pixels; "" where not even three characters have room. */
	fit(frame, room) {
		const name = frameName(this.tree, frame).slice(0, NAME_CHARS_MAX);
		const forms = (this.forms[frame] ??= [this.form(name)]);
		if (forms[0].width <= room) return forms[0].text;
		if (forms.length === 1)
			for (const shorter of shorterNames(name).slice(1))
				forms.push(this.form(shorter));
		for (const form of forms) {
			if (form.width <= room) return form.text;
		}
		return this.cut(forms.at(-1), room);
	}

	form(name) {
		const text = cutMiddle(visibleName(name), LABEL_CHARS_MAX);
		return { text, width: this.width(text) };
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
					"\u2026";
	}
}
