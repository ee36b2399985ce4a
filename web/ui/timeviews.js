/*
 * Time: the timeline of CPU use, and below it, when asked for, the heat map or the lanes of
 * threads.
 *
 * All share one window and one selection. The picture follows the wheel at once; the daemon is
 * asked when it rests. A report has what stands in it and asks nobody.
 */
import { fetchHeatmap, fetchSamples, fetchSeries } from "./api.js";
import { byId, element, facts, runSliced } from "./dom.js";
import { Heatmap, HEATMAP_MAX_MS } from "./heatmap.js";
import { Lanes, LANES_MAX_MS } from "./lanes.js";
import { colorLegend, processItem } from "./legends.js";
import { ObjectColors } from "./palette.js";
import { readLanes } from "./samples.js";
import { addMatcher } from "./selector.js";
import { seriesLayers } from "./series.js";
import { selectionParam, timeParam } from "./state.js";
import { formatClock, formatCount } from "./format.js";
import { Timeline } from "./timeline.js";
import { describeMoment } from "./tooltip.js";

const LAYERS_MAX = 8; /* processes with a colour of their own in the timeline */
const SETTLE_MS = 250; /* after the last move of the wheel before the window is asked for */

export class TimeViews {
	/*
	 * loads: of main.js; range(): what is selected, else the window; asked(): to be shown again
	 */
	constructor(app, loads, tooltip, range) {
		this.app = app;
		this.loads = loads;
		this.tooltip = tooltip;
		this.range = range;
		this.series = null;
		this.processColors = new ObjectColors();
		const callbacks = {
			onSelect: (to) => this.select(to),
			onWindow: (to) => this.move(to),
			onHover: (moment, x, y) => this.hover(moment, x, y),
		};
		this.timeline = new Timeline(byId("timeline"), callbacks);
		this.heatmap = new Heatmap(byId("heatmap"), {
			...callbacks,
			onCell: (ms, samples) => this.sayCell(ms, samples),
		});
		this.lanes = new Lanes(byId("lanes"), byId("lanes-scroll"), {
			...callbacks,
			onLane: (lane) => this.only("tid", lane.tid),
		});
		this.panels = [this.timeline, this.heatmap, this.lanes];
	}

	only(label, value) {
		const { app } = this;
		if (!app.report)
			app.go({ match: addMatcher(app.state.match, { label, op: "=", value }) });
	}

	select(range) {
		if (!this.app.report)
			this.app.go({ sel: range ? selectionParam(range) : "", live: "" });
	}

	move(range) {
		this.setWindow(range);
		if (this.app.report) return;
		this.app.window = range;
		clearTimeout(this.settleTimer);
		this.settleTimer = setTimeout(() => {
			const times = {
				from: timeParam(range.from),
				until: timeParam(range.until),
			};
			this.app.go({ ...times, live: "" }, true);
			this.app.ready();
		}, SETTLE_MS);
		facts.ready = "0";
		this.app.showRange();
	}

	setWindow(range) {
		for (const panel of this.panels) panel.setWindow(range);
	}

	setSelection(range) {
		for (const panel of this.panels) panel.setSelection(range);
	}

	setLook(colors, utc) {
		for (const panel of this.panels) panel.setLook(colors, utc);
		if (this.series) this.showSeries();
		if (this.map) this.heatmap.setData(this.map, this.app.palette.heat);
		if (this.lanesData) this.showLanes();
	}

	hover(moment, x, y) {
		const { tooltip, app } = this;
		if (moment)
			tooltip.show(
				x,
				y,
				...describeMoment(moment, app.state.utc === "1", LAYERS_MAX + 1),
			);
		else tooltip.hide();
	}

	sayCell(ms, samples) {
		const clock = formatClock(ms, this.app.state.utc === "1", true);
		byId("heat-cell").textContent = `${clock}, ${formatCount(samples)} samples`;
	}

	/* ---- loading ---- */

	async load() {
		this.setWindow(this.app.window);
		await Promise.all([this.loadSeries(), this.loadHeatmap(), this.loadLanes()]);
	}

	async loadSeries() {
		const { app, timeline } = this;
		const { match, tby } = app.state;
		const range = app.window;
		const step = timeline.stepFor(range);
		const result = await this.loads.run("series", async (signal) => {
			const series = await fetchSeries(range, step, match, tby, signal);
			if (series.more?.series)
				series.all =
					(await fetchSeries(range, step, match, "", signal))
						.series[0]?.values ?? [];
			return series;
		});
		if (result.value) {
			this.series = result.value;
			this.showSeries();
		}
		if (!result.aborted) app.ready();
	}

	async loadHeatmap() {
		const { app } = this;
		if (app.state.time !== "heat") return;
		const span = app.window.until - app.window.from;
		if (this.tooLong(span, HEATMAP_MAX_MS, "two hours")) {
			this.map = this.heatmap.map = null;
			this.heatmap.draw();
			return;
		}
		const result = await this.loads.run("heatmap", (signal) =>
			fetchHeatmap(app.window, app.state.match, signal),
		);
		if (result.value) this.showHeatmap(result.value);
		if (!result.aborted) app.ready();
	}

	/* Says so where a span is more than a panel holds. */
	tooLong(span, max, words) {
		const text = span > max ? `Zoom in to ${words} or less, or select so much.` : "";
		byId("time-note").textContent = text;
		byId("time-note").hidden = !text;
		return span > max;
	}

	async loadLanes() {
		const { app } = this;
		const shown = app.state.time === "lanes";
		if (app.state.time === "cpu") byId("time-note").hidden = true;
		if (!shown) return;
		const range = this.range();
		if (this.tooLong(range.until - range.from, LANES_MAX_MS, "ten minutes")) return;
		const result = await this.loads.run("lanes", async (signal) => {
			const text = await fetchSamples(range, app.state.match, signal);
			return runSliced(readLanes(text), () => signal.aborted);
		});
		if (result.value) {
			this.lanesData = result.value;
			this.showLanes();
		}
		if (!result.aborted) app.ready();
	}

	/* ---- showing ---- */

	showSeries() {
		const { app, timeline } = this;
		const { layers, total, ...data } = seriesLayers(this.series, LAYERS_MAX);
		for (const layer of layers)
			layer.color =
				app.palette.bars[
					layer.other ? 0 : this.processColors.slot(layer.name)
				];
		timeline.setData(data, layers);
		const pick = (value) => this.only(app.state.tby, value);
		byId("timeline-legend").replaceChildren(
			...layers.map((layer) => processItem(layer, total, pick)),
		);
	}

	showHeatmap(answer) {
		this.map = {
			startMs: answer.start_ns / 1e6,
			slotMs: answer.slot_ns / 1e6,
			slots: answer.slots_per_column,
			values: answer.values,
		};
		facts.heatSamples = answer.values.reduce(
			(a, b) => a + b,
			0,
		);
		this.heatmap.setData(this.map, this.app.palette.heat);
	}

	showLanes() {
		const { lanes, lanesData, app } = this;
		lanes.setData(lanesData, app.palette);
		facts.lanes = lanesData.lanes.length;
		facts.laneSamples = lanesData.samples;
		byId("lanes-legend").replaceChildren(
			...colorLegend(lanes.legend(), app.palette, lanesData.samples),
			element(
				"li.quiet",
				`${formatCount(lanesData.lanes.length)} threads`,
			),
		);
	}
}
