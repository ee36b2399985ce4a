/*
 * Where a function's code is to be read: the source file, or the object with its instructions; or
 * in words why there is none. Pure, no DOM.
 */
import { frameFile, frameKind, frameName, frameObject } from "./tree.js";

const IN_REPORT =
	"This page is a report, which has the samples alone. " +
	"Source and instructions are read by the daemon: open the range on its page.";

/* By view and kind of the frame; of other kinds nothing stands in the way. */
const NONE = {
	source: {
		kernel: "A kernel function: the kernel's symbols have no files and lines.",
		jit: "Compiled at run time: the map of this code has no files and lines.",
		native: "Nothing tells its file. Debug symbols (-dbgsym, -debuginfo) would.",
	},
	asm: {
		kernel: "A kernel function: its code is in no file that everyone may read.",
		jit: "Compiled at run time: this code is in memory alone, and in no file.",
		interpreted: "Interpreted: what the CPU runs are the interpreter's instructions.",
	},
};

/* The function of this name, best in this object; -1 where none is. */
function frameOf(tree, fn, obj) {
	let found = -1;
	for (let f = 0; f < tree.frameCount; f++) {
		const kind = frameKind(tree, f);
		const isFunction = kind !== "label" && kind !== "incomplete";
		if (!isFunction || frameName(tree, f) !== fn) continue;
		if (frameObject(tree, f) === obj) return f;
		if (found < 0) found = f;
	}
	return found;
}

/* {file} or {object} by the view, `source` or `asm`; or {why} in a sentence. */
export function placeOfCode(view, tree, { fn, src, obj }, report) {
	if (report) return { why: IN_REPORT };
	const frame = frameOf(tree, fn, obj);
	const kind = frame < 0 ? "native" : frameKind(tree, frame);
	if (view === "source") {
		const file = src || (frame < 0 ? "" : frameFile(tree, frame));
		return file ? { file } : { why: NONE.source[kind] ?? NONE.source.native };
	}
	const object = obj || (frame < 0 ? "" : frameObject(tree, frame));
	return NONE.asm[kind] ? { why: NONE.asm[kind] } : { object };
}
