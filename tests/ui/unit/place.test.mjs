import assert from "node:assert/strict";
import test from "node:test";
import { placeOfCode } from "../../../web/ui/place.js";
import { KINDS, treeOf } from "./trees.mjs";

/* A tree whose functions are of these kinds, the native one twice; only `py` has a file. */
function tree() {
	const made = treeOf(["app;native@/bin/a;kernel@[k] 1", "app;jit@[jit];py@/bin/py 1"]);
	made.strings.push("/src/x.py");
	for (const kind of ["native", "kernel", "jit", "py"]) {
		const f = made.strings.indexOf(kind);
		const at = [...made.frames.name].indexOf(f);
		made.frames.kind[at] = KINDS.indexOf(kind === "py" ? "interpreted" : kind);
		if (kind === "py") made.frames.file[at] = made.strings.length - 1;
	}
	return made;
}

const place = (view, state) => placeOfCode(view, tree(), { src: "", obj: "", ...state }, false);

test("what can be read is told", () => {
	assert.deepEqual(place("source", { fn: "py" }), { file: "/src/x.py" });
	assert.deepEqual(place("source", { fn: "py", src: "/a.py" }), { file: "/a.py" });
	assert.deepEqual(place("asm", { fn: "native" }), { object: "/bin/a" });
	assert.deepEqual(place("asm", { fn: "gone", obj: "/bin/b" }), { object: "/bin/b" });
	assert.deepEqual(place("source", { fn: "", src: "/a.c" }), { file: "/a.c" });
});

test("what cannot says why", () => {
	assert.match(place("asm", { fn: "kernel" }).why, /kernel/);
	assert.match(place("source", { fn: "kernel" }).why, /no files and lines/);
	assert.match(place("asm", { fn: "jit" }).why, /run time/);
	assert.match(place("source", { fn: "jit" }).why, /run time/);
	assert.match(place("asm", { fn: "py" }).why, /interpreter/);
	assert.match(place("source", { fn: "native" }).why, /Debug symbols/);
	assert.match(place("source", { fn: "gone" }).why, /Debug symbols/);
	assert.match(placeOfCode("asm", tree(), { fn: "native" }, true).why, /report/);
});
