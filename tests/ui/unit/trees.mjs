/* Call trees for the tests, from lines of folded stacks: `a;b;c 3`. */
import { readFileSync } from "node:fs";
import { buildingTree } from "../../../web/ui/tree.js";

/* A generator to its end, at once: for small trees and tests. */
export function finish(generator) {
	for (;;) {
		const { done, value } = generator.next();
		if (done) return value;
	}
}

export const buildTree = (answer, column) => finish(buildingTree(answer, column));

export const KINDS = ["native", "kernel", "inlined", "jit", "interpreted", "label", "incomplete"];

/* The flame answer of folded stacks: first frame the process, `name@object` for an object. */
export function flameOf(folded) {
	const root = { name: "all", kind: 5, total: 0, self: 0, children: new Map() };
	for (const line of folded) {
		const at = line.lastIndexOf(" ");
		const count = Number(line.slice(at + 1));
		let node = root;
		root.total += count;
		line.slice(0, at)
			.split(";")
			.forEach((name, i) => {
				if (!node.children.has(name))
					node.children.set(name, {
						name,
						kind: i
							? name.startsWith("[incomplete")
								? 6
								: 0
							: 5,
						total: 0,
						self: 0,
						children: new Map(),
					});
				node = node.children.get(name);
				node.total += count;
			});
		node.self += count;
	}
	const strings = [""];
	const stringOf = (s) => {
		if (!strings.includes(s)) strings.push(s);
		return strings.indexOf(s);
	};
	const frames = { name: [], system_name: [], file: [], line: [], object: [], kind: [] };
	const known = new Map();
	const answer = {
		version: 1,
		start_ns: 1e18,
		end_ns: 1e18 + 1e10,
		period_ns: 10101010,
		samples: root.total,
		strings,
		frames,
		kinds: KINDS,
		depth: [],
		total: [],
		self: [],
		frame: [],
		lost: {},
		incomplete: {},
		base: null,
	};
	const frameOf = (node) => {
		const key = node.name + node.kind;
		if (!known.has(key)) {
			const [name, object] = node.name.split("@");
			known.set(key, frames.name.length);
			frames.name.push(stringOf(name));
			frames.system_name.push(stringOf(name));
			frames.file.push(0);
			frames.line.push(0);
			frames.object.push(stringOf(object ?? ""));
			frames.kind.push(node.kind);
		}
		return known.get(key);
	};
	const walk = (node, depth) => {
		answer.depth.push(depth);
		answer.total.push(node.total);
		answer.self.push(node.self);
		answer.frame.push(frameOf(node));
		[...node.children.values()]
			.sort((a, b) => b.total - a.total || (a.name < b.name ? -1 : 1))
			.forEach((c) => walk(c, depth + 1));
	};
	walk(root, 0);
	return answer;
}

export function treeOf(folded) {
	return buildTree(flameOf(folded), Uint32Array.from.bind(Uint32Array));
}

/* One stack `depth` deep, one sample, of so many functions in turn. */
export function deepTree(depth, functions = 1) {
	const n = depth + 1;
	const column = (f) => Uint32Array.from({ length: n }, (_, i) => f(i));
	const frames = (of) => Array.from({ length: functions + 1 }, (_, i) => of(i));
	return buildTree(
		{
			start_ns: 0,
			end_ns: 1e9,
			period_ns: 1e7,
			samples: 1,
			strings: ["", "all", "deep", ...frames((i) => "deep" + i)],
			kinds: KINDS,
			frames: {
				name: frames((i) => i + 1),
				system_name: frames(() => 0),
				file: frames(() => 0),
				line: frames(() => 0),
				object: frames(() => 0),
				kind: frames((i) => (i ? 0 : 5)),
			},
			depth: column((i) => i),
			total: column(() => 1),
			self: column((i) => Number(i === depth)),
			frame: column((i) => i && 1 + (i % functions)),
		},
		(c) => c,
	);
}

/* The node with this name, the n-th in preorder. */
export function nodeOf(tree, name, n = 0) {
	for (let i = 0; i < tree.length; i++) {
		if (tree.strings[tree.frames.name[tree.frame[i]]] === name && !n--) return i;
	}
	return -1;
}

/*
 * What a screen can show of a profile, and the whole of it; both written by the encoder, see
 * tests/unit/web/test_flame.c.
 */
export const scattered = () =>
	["first", "flame"].map((name) => {
		const file = new URL(`golden/scattered.${name}.json`, import.meta.url);
		return buildTree(JSON.parse(readFileSync(file)), (n) => Uint32Array.from(n));
	});
