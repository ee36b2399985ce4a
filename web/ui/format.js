/*
 * Text for people: numbers, durations, times, and names that others chose.
 *
 * Names of symbols, threads and files are foreign: any user of the host can pick them. Here they
 * lose what would let them lie about themselves (control characters, bidirectional marks, invisible
 * characters); that they never become markup is the business of whoever shows them: text nodes and
 * canvas only. Pure, no DOM.
 */

/*
 * C0 and C1 controls, soft hyphen, bidi marks and isolates, zero-width characters, line separators,
 * tags, lone surrogates.
 */
const DECEIVING = new RegExp(
	"[\\u0000-\\u001f\\u007f-\\u009f\\u00ad\\u034f\\u061c\\u115f\\u1160\\u17b4\\u17b5" +
		"\\u180e\\u200b-\\u200f\\u2028-\\u202e\\u2060-\\u206f\\u3164\\ufeff" +
		"\\uffa0\\ufff9-\\ufffb]|[\\u{e0000}-\\u{e0fff}]|\\p{Surrogate}",
	"gu",
);

/* A name as it may be shown: deceiving characters in their written form, `\u{202e}`. */
export function visibleName(name) {
	if (/^[ -~]*$/.test(name)) return name;
	return name.replace(DECEIVING, (c) => "\\u{" + c.codePointAt(0).toString(16) + "}");
}

/* At most `max` characters, the middle left out: both ends of a name tell it from others. */
export function cutMiddle(text, max) {
	if (text.length <= max) return text;
	if (max <= 1) return "\u2026";
	const head = Math.ceil((max - 1) / 2);
	const tail = max - 1 - head;
	return text.slice(0, head) + "\u2026" + (tail ? text.slice(-tail) : "");
}

/* A name as it is shown in a row or a line. */
export const shownName = (name, max = 160) => cutMiddle(visibleName(name), max);

/* `a<b<c>>(d) const` without what stands in balanced brackets; an operator keeps its own. */
function withoutBrackets(name) {
	let out = "";
	let depth = 0;
	for (let i = 0; i < name.length; i++) {
		const c = name[i];
		const opens = c === "<" || c === "(" || c === "{";
		const closes = c === ">" || c === ")" || c === "}";
		if (opens && (depth || out.length)) {
			if (out.endsWith("operator")) return name;
			depth++;
		} else if (closes && depth) {
			if (name[i - 1] !== "-") depth--;
		} else if (!depth) {
			out += c;
		}
	}
	return depth || !out.trim() ? name : out;
}

/*
 * Shorter and shorter forms of a name, the full one first: without arguments and templates, then
 * the last two parts of its path (C++ and Rust `::`, Go's import path), then the last one. Never
 * empty.
 */
export function shorterNames(name) {
	const forms = [name];
	if (name.length > 2048 || name.startsWith("[")) return forms;
	const rust = name.replace(/::h[0-9a-f]{16}$/, "");
	const go = /^[\w.\-~]+\/.*\/?[^/]*\.[^/]*$/.test(rust)
		? rust.slice(rust.lastIndexOf("/") + 1)
		: rust;
	const bare =
		go === rust
			? withoutBrackets(rust).replace(
					/\s+const$|\.(?:constprop|isra|part|cold)(?:\.\d+)?$/g,
					"",
				)
			: go;
	const parts = bare.split("::").filter((p) => p.trim());
	for (const form of [rust, parts.join("::"), parts.slice(-2).join("::"), parts.at(-1)]) {
		if (form && form.length < forms.at(-1).length) forms.push(form);
	}
	return forms;
}

/*
 * The package of a function: Go's import path, the first part of a C++, Rust or Java name; where a
 * name has none, its object.
 */
export function packageOf(name, object) {
	const go = /^((?:[\w.\-~]+\/)*[\w\-~]+)\.(?:\(?\*?[A-Z]|[a-z_]\w*$|func\d)/.exec(name);
	if (go && (name.includes("/") || /\.\(|\.func\d/.test(name))) return go[1];
	const bare = name.replace(/^[<(&*\s]+|^(?:void|int|bool|auto|unsigned|const)\s+/g, "");
	const scoped = /^([A-Za-z_]\w*)::/.exec(bare);
	if (scoped) return scoped[1];
	const java = /^L?((?:[a-z]\w*[./])+)[A-Z]\w*[.;]/.exec(name);
	return java ? java[1].replace(/[./]$/, "") : object;
}

/* The name of a file without its folders; what is no path stays. */
export function baseName(path) {
	const at = path.lastIndexOf("/");
	return at < 0 || at === path.length - 1 ? path : path.slice(at + 1);
}

/* By hand: a browser's own formats take milliseconds to begin. */
export const formatCount = (n) => String(Math.round(n)).replace(/\B(?=(\d{3})+$)/g, ",");

/* Two digits where they matter, never a rounded 100 % or 0 %. */
export function formatPercent(part, whole) {
	if (!whole) return "0 %";
	const p = (100 * part) / whole;
	if (p === 0 || p === 100) return p + " %";
	if (p < 0.01) return "< 0.01 %";
	if (p > 99.99) return "> 99.99 %";
	return p.toFixed(p < 10 ? 2 : p > 99.9 ? 2 : 1) + " %";
}

/* CPU time in the unit that keeps three digits. */
export function formatDuration(ns) {
	const s = ns / 1e9;
	if (s < 1e-3) return (s * 1e6).toFixed(s ? 1 : 0) + " µs";
	if (s < 1) return (s * 1e3).toFixed(s < 0.01 ? 1 : 0) + " ms";
	if (s < 120) return s.toFixed(s < 10 ? 2 : 1) + " s";
	if (s < 7200) return (s / 60).toFixed(1) + " min";
	if (s < 172800) return (s / 3600).toFixed(1) + " h";
	return (s / 86400).toFixed(1) + " d";
}

/* A span of the clock, in whole units: `1 h 5 min`, `12.4 s`. */
export function formatSpan(ms) {
	const s = ms / 1000;
	if (s < 60) return (s < 10 ? Math.round(s * 100) / 100 : Math.round(s * 10) / 10) + " s";
	/** @type {[string, number][]} */
	const units = [
		["d", 86400],
		["h", 3600],
		["min", 60],
		["s", 1],
	];
	const at = units.findIndex((u) => s >= u[1]);
	const first = Math.floor(s / units[at][1]);
	const next = units[at + 1];
	const rest = next ? Math.floor((s - first * units[at][1]) / next[1]) : 0;
	return first + " " + units[at][0] + (rest ? " " + rest + " " + next[0] : "");
}

export function formatBytes(n) {
	const units = ["B", "kB", "MB", "GB", "TB"];
	let i = 0;
	while (n >= 1000 && i < units.length - 1) {
		n /= 1000;
		i++;
	}
	return (i && n < 100 ? n.toFixed(1) : n.toFixed(0)) + " " + units[i];
}

const twoDigits = (n) => String(n).padStart(2, "0");

/* The calendar's and the clock's numbers of a moment, in the host's zone or in UTC. */
export function timeParts(ms, utc) {
	const d = new Date(ms);
	return utc
		? {
				year: d.getUTCFullYear(),
				month: d.getUTCMonth() + 1,
				day: d.getUTCDate(),
				hour: d.getUTCHours(),
				minute: d.getUTCMinutes(),
				second: d.getUTCSeconds(),
				ms: d.getUTCMilliseconds(),
			}
		: {
				year: d.getFullYear(),
				month: d.getMonth() + 1,
				day: d.getDate(),
				hour: d.getHours(),
				minute: d.getMinutes(),
				second: d.getSeconds(),
				ms: d.getMilliseconds(),
			};
}

/* `2026-11-20 14:03:07`; with `fraction`, milliseconds too where there are any. */
export function formatTime(ms, utc, fraction) {
	const t = timeParts(ms, utc);
	return (
		t.year +
		"-" +
		twoDigits(t.month) +
		"-" +
		twoDigits(t.day) +
		" " +
		formatClock(ms, utc, fraction)
	);
}

export function formatClock(ms, utc, fraction) {
	const t = timeParts(ms, utc);
	const frac = fraction && t.ms ? "." + String(t.ms).padStart(3, "0") : "";
	return twoDigits(t.hour) + ":" + twoDigits(t.minute) + ":" + twoDigits(t.second) + frac;
}

/* A counter's name as words: `ring-full` -> `ring full`. */
export const formatReason = (reason) => visibleName(String(reason)).replace(/[-_]/g, " ");
