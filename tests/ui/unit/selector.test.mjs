import assert from "node:assert/strict";
import test from "node:test";
import { addMatcher, formatSelector, parseSelector } from "../../../web/ui/selector.js";

test("values are quoted so that they read back as they were", () => {
	for (const value of [
		'a"b',
		"a\\b",
		"a\nb",
		'"}, x="',
		"",
		"<img src=x onerror=alert(1)>",
		"\u202e",
	]) {
		const text = formatSelector([{ label: "comm", op: "=", value }]);
		assert.deepEqual(parseSelector(text), [{ label: "comm", op: "=", value }]);
	}
});

test("all operators, with and without braces", () => {
	assert.deepEqual(parseSelector('comm="a", pid!="1",container=~"web.*"'), [
		{ label: "comm", op: "=", value: "a" },
		{ label: "pid", op: "!=", value: "1" },
		{ label: "container", op: "=~", value: "web.*" },
	]);
	assert.deepEqual(parseSelector("{}"), []);
	assert.deepEqual(parseSelector(""), []);
});

test("what chips cannot show is not guessed", () => {
	for (const text of ['{comm="a"', "comm=a", 'comm="a" pid="1"', "comm", '{comm="\\x"}'])
		assert.equal(parseSelector(text), null, text);
});

test("a new equality takes the place of the old one", () => {
	assert.equal(
		addMatcher('{comm="a", pid!="1"}', { label: "comm", op: "=", value: "b" }),
		'{pid!="1", comm="b"}',
	);
	assert.equal(addMatcher("", { label: "comm", op: "=", value: "b" }), '{comm="b"}');
});
