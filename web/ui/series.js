/*
 * Layers of the timeline from a series answer: the busiest processes (or values of another
 * label), and one layer for all others.
 *
 * The others are the whole minus what has a layer of its own, so that the stack is as high as the
 * CPU time was, whatever the answer left out. Pure, no DOM.
 */

/*
 * {startMs, stepMs, count, total, layers: [{name, other, values (CPUs), total (ns)}]}, largest
 * first, others last.
 */
export function seriesLayers(series, most) {
	const stepNs = series.step_ns;
	const lines = series.series
		.map((s) => ({
			name: String(Object.values(s.labels ?? {})[0] ?? ""),
			other: false,
			ns: s.values,
			total: s.values.reduce((a, b) => a + b, 0),
		}))
		.sort((a, b) => b.total - a.total);
	const shown = lines.slice(0, most);
	const count = Math.max(0, series.all?.length ?? 0, ...lines.map((l) => l.ns.length));
	const others = lines.length - shown.length + (series.more?.series ?? 0);
	if (others)
		shown.push({
			name: others.toLocaleString("en-US") + " others",
			other: true,
			...otherValues(series, lines, shown, count),
		});
	const layers = shown.map(({ name, other, ns, total }) => ({
		name,
		other,
		total,
		values: ns.map((v) => v / stepNs),
	}));
	const total = lines.reduce((sum, l) => sum + l.total, 0) + (series.more?.cpu_ns ?? 0);
	return { startMs: series.start_ns / 1e6, stepMs: stepNs / 1e6, count, layers, total };
}

/* `series.all` is the same answer not split by process; without it the lines are all there is. */
function otherValues(series, lines, shown, count) {
	const ns = new Array(count).fill(0);
	for (const values of series.all ? [series.all] : lines.map((l) => l.ns))
		values.forEach((v, i) => (ns[i] += v));
	for (const line of shown) line.ns.forEach((v, i) => (ns[i] = Math.max(0, ns[i] - v)));
	return { ns, total: ns.reduce((a, b) => a + b, 0) };
}
