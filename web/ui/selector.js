/*
 * Selectors as text and as lists of matchers: `{comm="redis-server", pid!="1"}`.
 *
 * The server's parser decides what is right; this one only has to read what the filter chips can
 * show. What it cannot read stays text in the selector box. Pure, no DOM.
 */

const ESCAPES = { n: "\n", '"': '"', "\\": "\\" };

export const quoteValue = (value) =>
	'"' + value.replace(/[\\"]/g, "\\$&").replace(/\n/g, "\\n") + '"';

/* [{label, op, value}] or null for what chips cannot show. */
export function parseSelector(text) {
	let rest = text.trim();
	if (rest.startsWith("{") !== rest.endsWith("}")) return null;
	if (rest.startsWith("{")) rest = rest.slice(1, -1).trim();
	const matchers = [];
	const token = /^([A-Za-z_]\w*)\s*(=~|!~|!=|=)\s*"((?:[^"\\]|\\[n"\\])*)"\s*(,\s*|$)/;
	while (rest) {
		const m = token.exec(rest);
		if (!m) return null;
		matchers.push({
			label: m[1],
			op: m[2],
			value: m[3].replace(/\\(.)/g, (all, c) => ESCAPES[c]),
		});
		rest = rest.slice(m[0].length);
	}
	return matchers;
}

export function formatSelector(matchers) {
	if (!matchers.length) return "";
	return "{" + matchers.map((m) => m.label + m.op + quoteValue(m.value)).join(", ") + "}";
}

/* The selector with one equality more; one of the same label gives way to it. */
export function addMatcher(text, matcher) {
	const matchers = parseSelector(text) ?? [];
	const others = matchers.filter(
		(m) => m.label !== matcher.label || m.op !== matcher.op || matcher.op !== "=",
	);
	return formatSelector([...others, matcher]);
}
