/*
 * What is missing: the losses and unfinished stacks of the range shown, and how the daemon is.
 *
 * Never hidden, never alarming without reason: a pill with the figures, and all reasons behind it.
 */
import { byId, element, on } from "./dom.js";
import {
	baseName,
	formatBytes,
	formatCount,
	formatDuration,
	formatPercent,
	formatReason,
	formatSpan,
	shownName,
	visibleName,
} from "./format.js";
import { brokenObjects, nameAdvice, namelessObjects } from "./quality.js";
import { termList } from "./tooltip.js";

const MUCH = 0.05;

const entries = (counts) =>
	Object.entries(counts ?? {})
		.filter(([, n]) => Number(n) > 0)
		.sort((a, b) => b[1] - a[1]);

const sum = (counts) => entries(counts).reduce((all, [, n]) => all + Number(n), 0);

/* {text, level}: "good" where nothing is missing, "some" up to one in twenty, else "much". */
export function qualityOf(tree) {
	const lost = sum(tree.lost);
	const unfinished = sum(tree.incomplete);
	const all = tree.samples + lost;
	if (!tree.samples && !lost) return { text: "No samples", level: "some" };
	if (!lost && !unfinished) return { text: "Every stack complete", level: "good" };
	const parts = [];
	if (lost) parts.push(formatPercent(lost, all) + " lost");
	if (unfinished) parts.push(formatPercent(unfinished, tree.samples) + " incomplete");
	return {
		text: parts.join(" · "),
		level: (lost + unfinished) / all > MUCH ? "much" : "some",
	};
}

/* Sentences of reasons, as the daemon tells them; empty before it was asked. */
let sentences = {};

function reasonTable(title, counts, whole, empty) {
	const rows = entries(counts);
	return element(
		"section",
		element("h3", title),
		rows.length
			? element(
					"table.reasons",
					element(
						"tbody",
						...rows.map(([reason, n]) =>
							element(
								"tr",
								element(
									"th",
									{ scope: "row" },
									formatReason(reason),
									element(
										"p.quiet",
										sentences[reason] ??
											"",
									),
								),
								element("td", formatCount(n)),
								element(
									"td",
									formatPercent(n, whole),
								),
							),
						),
					),
				)
			: element("p.quiet", empty),
	);
}

/* An object with its share of something, and sentences below. */
const objectItem = (object, part, whole, ...sentences) =>
	element(
		"li.object-item",
		{ title: shownName(object, 400) },
		element("strong", shownName(baseName(object), 40)),
		` ${formatPercent(part, whole)} of ${formatCount(whole)} samples`,
		...sentences.map((s) => element("p.quiet", s)),
	);

function objectList(title, items) {
	if (!items.length) return "";
	return element("section", element("h3", title), element("ul", ...items));
}

/* The panel's part about the range shown. */
export function describeLosses(tree) {
	return [
		element(
			"p",
			`${formatCount(tree.samples)} samples, ` +
				`${formatDuration(tree.samples * tree.periodNs)} of CPU time.`,
		),
		reasonTable(
			"Lost samples",
			tree.lost,
			tree.samples + sum(tree.lost),
			"None in this range.",
		),
		reasonTable(
			"Incomplete stacks",
			tree.incomplete,
			tree.samples,
			"None: every user stack reached its root.",
		),
		sum(tree.incomplete)
			? element(
					"p.quiet",
					"Incomplete stacks are kept: what is known stands " +
						"below a frame that names the reason.",
				)
			: "",
		objectList(
			"Functions without names",
			namelessObjects(tree).map((o) =>
				objectItem(o.object, o.nameless, o.samples, nameAdvice(o.object)),
			),
		),
	];
}

/* The panel's part about the daemon. Fields that an answer lacks are left out. */
export function describeDaemon(status) {
	const samples = status.samples ?? {};
	const store = status.store ?? {};
	const sumOf = (key) =>
		(status.processes ?? []).reduce((all, p) => all + (p[key] ?? 0), 0);
	const [rss, cpu] = [sumOf("rss_bytes"), sumOf("cpu_s")];
	const many = (n) => n !== undefined && `${formatCount(n)} samples`;
	const overhead = status.uptime_s
		? `${formatDuration(cpu * 1e9)} (${formatPercent(cpu, status.uptime_s)} of one CPU)`
		: "";
	const told = ([reason, n]) =>
		`${formatCount(n)}: ${status.reasons?.[reason] ?? formatReason(reason)}`;
	const stopped = (p) => formatCount(p.count) + " at " + visibleName(p.where);
	return [
		objectList(
			"Where stacks end early, since the daemon's start",
			brokenObjects(status).map((o) =>
				objectItem(
					o.object,
					o.incomplete,
					o.all,
					...o.reasons.map(told),
					...o.places.map(stopped),
				),
			),
		),
		element("h3", "Daemon"),
		termList([
			[
				"state",
				status.running === false
					? "not running: this is the store it left"
					: "running for " +
						formatSpan((status.uptime_s ?? 0) * 1000),
			],
			["taken", many(samples.taken)],
			["stored", many(samples.stored)],
			["missed ticks", samples.missed_ticks && formatCount(samples.missed_ticks)],
			...entries(samples.dropped).map(([reason, n]) => [
				formatReason(reason),
				formatCount(n),
			]),
			["its own CPU", cpu && overhead],
			["its memory", rss && formatBytes(rss)],
			["store", store.bytes && formatBytes(store.bytes)],
			["samples in it", many(store.samples)],
		]),
	];
}

let shownTree = null;

/* The button in the page's head: how good the profile is, and behind it what was lost. */
export function showQuality(tree) {
	shownTree = tree;
	const { text, level } = qualityOf(tree);
	byId("quality-text").textContent = text;
	byId("quality").dataset.level = level;
	byId("losses").replaceChildren(...describeLosses(tree));
}

/* The daemon is asked, by fetch(), when the panel is opened. */
export function watchQuality(fetch) {
	on(byId("quality"), "toggle", async () => {
		if (!byId("quality").open) return;
		try {
			const status = await fetch();
			sentences = status.reasons ?? {};
			byId("losses").replaceChildren(...describeLosses(shownTree));
			byId("daemon").replaceChildren(...describeDaemon(status));
		} catch (error) {
			byId("daemon").replaceChildren(
				element("p.quiet", error.message),
			);
		}
	});
}
