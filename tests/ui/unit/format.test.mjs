import assert from "node:assert/strict";
import test from "node:test";
import {
	baseName,
	cutMiddle,
	formatBytes,
	formatClock,
	formatDuration,
	formatPercent,
	formatSpan,
	formatTime,
	shorterNames,
	visibleName,
} from "../../../web/ui/format.js";

test("names cannot hide or reverse text", () => {
	assert.equal(visibleName("abc\u202edef"), "abc\\u{202e}def");
	assert.equal(visibleName("bell\u0007"), "bell\\u{7}");
	assert.equal(visibleName("zero\u200bwidth"), "zero\\u{200b}width");
	assert.equal(visibleName("half\ud800"), "half\\u{d800}");
	assert.equal(visibleName("<b>né 日本 😀"), "<b>né 日本 😀");
});

test("names are shortened by language and never empty", () => {
	assert.deepEqual(
		shorterNames("std::vector<int, std::allocator<int> >::push_back(int const&)"),
		[
			"std::vector<int, std::allocator<int> >::push_back(int const&)",
			"std::vector::push_back",
			"vector::push_back",
			"push_back",
		],
	);
	assert.equal(shorterNames("a::(anonymous namespace)::B(int)")[1], "a::B");
	assert.equal(
		shorterNames("core::ops::function::FnOnce::call_once::h0123456789abcdef").at(-1),
		"call_once",
	);
	assert.equal(
		shorterNames("github.com/acme/tool/pkg.(*Server).Serve").at(-1),
		"pkg.(*Server).Serve",
	);
	assert.deepEqual(shorterNames("main"), ["main"]);
	for (const odd of [
		"operator<",
		"a::operator<<(int)",
		"<lambda>",
		"(anonymous)",
		"::",
		"<>",
		"a<b",
		"[incomplete: not-code]",
		"->",
	])
		assert.ok(
			shorterNames(odd).every((s) => s.trim()),
			odd,
		);
});

test("long text is cut in the middle", () => {
	assert.equal(cutMiddle("abcdefghij", 5), "ab…ij");
	assert.equal(cutMiddle("abc", 5), "abc");
	assert.equal(cutMiddle("abcdef", 1), "…");
	assert.equal(cutMiddle("abcdef", 2), "a…");
});

test("percents never round up to all or down to nothing", () => {
	assert.equal(formatPercent(0, 10), "0 %");
	assert.equal(formatPercent(10, 10), "100 %");
	assert.equal(formatPercent(99999, 100000), "> 99.99 %");
	assert.equal(formatPercent(1, 1e6), "< 0.01 %");
	assert.equal(formatPercent(1, 3), "33.3 %");
	assert.equal(formatPercent(5, 0), "0 %");
});

test("durations, spans, sizes", () => {
	assert.equal(formatDuration(10101010), "10 ms");
	assert.equal(formatDuration(1.5e9), "1.50 s");
	assert.equal(formatDuration(3.6e12), "60.0 min");
	assert.equal(formatSpan(3600000), "1 h");
	assert.equal(formatSpan(3900000), "1 h 5 min");
	assert.equal(formatSpan(1250), "1.25 s");
	assert.equal(formatBytes(1500), "1.5 kB");
	assert.equal(formatBytes(999), "999 B");
});

test("times in UTC and with their milliseconds", () => {
	assert.equal(formatTime(1763640000000, true), "2025-11-20 12:00:00");
	assert.equal(formatClock(1763640000250, true, true), "12:00:00.250");
});

test("the last part of a path", () => {
	assert.equal(baseName("/usr/lib/libc.so.6"), "libc.so.6");
	assert.equal(baseName("[vdso]"), "[vdso]");
	assert.equal(baseName("/"), "/");
});
