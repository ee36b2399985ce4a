/*
 * The timeline: CPU use over time, stacked by process name or another label.
 */
import { roundStep, timeTicks, valueTicks } from "./axis.js";
import { formatClock, timeParts } from "./format.js";
import { LEFT, RIGHT, TimePanel, TOP } from "./timepanel.js";

const BOTTOM = 22; /* px below the plot */
const BAR_PX = 4; /* a step is about so wide */
const MONTHS = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];

export class Timeline extends TimePanel {
	constructor(frame, callbacks) {
		super(frame, callbacks);
		this.layers = []; /* {name, color, values} from the bottom */
		this.data = { startMs: 0, stepMs: 1000, count: 0 };
	}

	/* The step to ask for, so that bars have a good width. */
	stepFor(range) {
		return roundStep(
			range.until - range.from,
			Math.max(20, Math.floor(this.plotWidth() / BAR_PX)),
		);
	}

	setData(data, layers) {
		this.data = data;
		this.layers = layers;
		this.requestDraw();
	}

	describeAt(x) {
		return this.momentAt(this.timeAt(x));
	}

	/* The step at a moment, and what each layer has there. */
	momentAt(ms) {
		const { startMs, stepMs, count } = this.data;
		const i = Math.floor((ms - startMs) / stepMs);
		if (i < 0 || i >= count) return { ms, from: ms, stepMs: 0, parts: [] };
		const parts = this.layers
			.map((l) => ({ name: l.name, color: l.color, cpus: l.values[i] ?? 0 }))
			.filter((p) => p.cpus > 0);
		return { ms, from: startMs + i * stepMs, stepMs, parts: parts.reverse() };
	}

	/* ---- drawing ---- */

	draw() {
		if (!this.width) return;
		const c = this.emptied();
		const sums = this.sums();
		const axis = valueTicks(sums.reduce((a, b) => Math.max(a, b), 0));
		this.drawValueAxis(c, axis);
		this.clipped(c, () => this.drawLayers(c, axis.top));
		this.drawTimeAxis(c);
		this.placeBand();
	}

	sums() {
		const sums = new Float64Array(this.data.count);
		for (const layer of this.layers)
			for (let i = 0; i < sums.length; i++) sums[i] += layer.values[i] ?? 0;
		return sums;
	}

	drawValueAxis(c, axis) {
		const bottom = this.height - BOTTOM;
		c.textAlign = "right";
		c.textBaseline = "middle";
		for (const value of [0, ...axis.ticks]) {
			const y = Math.round(bottom - (value / axis.top) * (bottom - TOP)) + 0.5;
			c.fillStyle = this.colors.grid;
			c.fillRect(LEFT, y - 0.5, this.plotWidth(), 1);
			c.fillStyle = this.colors.text;
			c.fillText(value ? String(Number(value.toPrecision(3))) : "0", LEFT - 8, y);
		}
	}

	drawLayers(c, top) {
		const { startMs, stepMs, count } = this.data;
		const bottom = this.height - BOTTOM;
		const base = new Float64Array(count);
		const gap =
			(stepMs / (this.window.until - this.window.from)) * this.plotWidth() > 5
				? 1
				: 0;
		for (const layer of this.layers) {
			c.fillStyle = layer.color;
			c.beginPath();
			for (let i = 0; i < count; i++) {
				const value = layer.values[i] ?? 0;
				if (!value) continue;
				const x = this.xOf(startMs + i * stepMs);
				const next = this.xOf(startMs + (i + 1) * stepMs);
				const y = bottom - ((base[i] + value) / top) * (bottom - TOP);
				const high = (value / top) * (bottom - TOP);
				base[i] += value;
				if (next >= LEFT && x <= this.width)
					c.rect(x, y, Math.max(next - x - gap, 0.5), high);
			}
			c.fill();
		}
	}

	drawTimeAxis(c) {
		const { step, ticks } = timeTicks(
			this.window.from,
			this.window.until,
			Math.max(2, Math.floor(this.plotWidth() / 92)),
			this.utc,
		);
		const bottom = this.height - BOTTOM;
		c.textBaseline = "top";
		c.fillStyle = this.colors.text;
		let day = null;
		for (const t of ticks) {
			const x = Math.round(this.xOf(t)) + 0.5;
			const parts = timeParts(t, this.utc);
			const date = parts.day + " " + MONTHS[parts.month - 1];
			const clock = formatClock(t, this.utc, true);
			const time = step < 60000 ? clock : clock.slice(0, 5);
			const text =
				step >= 86400000
					? date
					: day !== null && day !== parts.day
						? date + ", " + time
						: time;
			day = parts.day;
			const half = c.measureText(text).width / 2;
			c.fillRect(x - 0.5, bottom, 1, 4);
			c.textAlign = "center";
			c.fillText(
				text,
				Math.min(Math.max(x, LEFT + half - 8), this.width - half - 2),
				bottom + 7,
			);
		}
	}
}
