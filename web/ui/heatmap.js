/*
 * The heat map: a column a second, in it a cell every 20 ms, the first of a second at the bottom;
 * the darker, the more samples. It shows what sums hide: a stall of a fifth of a second is a hole.
 *
 * Dragging selects from the first cell to the last as time goes: within a second or across many.
 * The arrow keys move a cell, with Shift they select.
 */
import { element } from "./dom.js";
import { formatCount } from "./format.js";
import { LEFT, RIGHT, TimePanel, TOP } from "./timepanel.js";

const FOOT = 4; /* px below the plot */
const SECOND_MS = 1000;
export const HEATMAP_MAX_MS = 7200 * SECOND_MS;

export class Heatmap extends TimePanel {
	constructor(frame, callbacks) {
		super(frame, callbacks);
		this.map = this.marks = null;
		this.image = element("canvas");
		this.cell = null; /* the one that keys are at, its time */
		this.ramp = [];
	}

	/* map: {startMs, slotMs, slots, values}; ramp: colours from none to most. */
	setData(map, ramp) {
		this.map = map;
		this.ramp = ramp;
		this.most = map.values.reduce((a, b) => Math.max(a, b), 1);
		this.paint();
		this.requestDraw();
	}

	/* One pixel a cell. */
	paint() {
		const { slots, values } = this.map;
		const columns = values.length / slots;
		this.image.width = Math.max(columns, 1);
		this.image.height = slots;
		const c = this.image.getContext("2d");
		const pixels = c.createImageData(Math.max(columns, 1), slots);
		const colors = this.ramp.map((hex) => parseInt(hex.slice(1), 16));
		for (let i = 0; i < values.length; i++) {
			if (!values[i]) continue;
			const level = Math.ceil((values[i] / this.most) * (colors.length - 1));
			const rgb = colors[level];
			const at =
				((slots - 1 - (i % slots)) * columns + Math.floor(i / slots)) * 4;
			pixels.data.set([rgb >> 16, (rgb >> 8) & 255, rgb & 255, 255], at);
		}
		c.putImageData(pixels, 0, 0);
	}

	plotHeight() {
		return this.height - TOP - FOOT;
	}

	draw() {
		if (!this.width) return;
		const c = this.emptied();
		if (!this.map) return;
		const { startMs, slots, values } = this.map;
		const left = this.xOf(startMs);
		const right = this.xOf(startMs + (values.length / slots) * SECOND_MS);
		c.imageSmoothingEnabled = right - left < this.image.width;
		this.clipped(c, () =>
			c.drawImage(this.image, left, TOP, right - left, this.plotHeight()),
		);
		this.drawAxis(c);
		this.placeBand();
	}

	drawAxis(c) {
		c.fillStyle = this.colors.text;
		c.textAlign = "right";
		c.textBaseline = "middle";
		for (const part of [0, 0.5, 1])
			c.fillText(
				part * SECOND_MS + (part ? "" : " ms"),
				LEFT - 8,
				TOP + (1 - part) * this.plotHeight(),
			);
	}

	/* All but the selected cells are faded: no rectangle would be true. */
	placeBand() {
		this.band.hidden = true;
		const shown =
			this.drag?.range ??
			this.selection ??
			(this.cell === null ? null : this.cellRange(this.cell));
		if (!shown || !this.width || !this.map) {
			this.marks?.remove();
			return;
		}
		this.marks ??= element("canvas.marks", { "aria-hidden": "true" });
		this.frame.append(this.marks);
		this.marks.width = this.width;
		this.marks.height = this.height;
		const c = this.marks.getContext("2d");
		c.fillStyle = getComputedStyle(document.body).backgroundColor;
		c.strokeStyle = getComputedStyle(this.marks).color;
		c.globalAlpha = 0.6;
		c.fillRect(LEFT, TOP, this.plotWidth(), this.plotHeight());
		c.globalAlpha = 1;
		const column = (ms) => Math.floor(ms / SECOND_MS) * SECOND_MS;
		const [first, last] = [column(shown.from), column(shown.until - 1)];
		const y = (ms) => TOP + (1 - ms / SECOND_MS) * this.plotHeight();
		for (const from of [...new Set([first, last])]) {
			const top = from === last ? shown.until - from : SECOND_MS;
			this.mark(
				c,
				from,
				from + SECOND_MS,
				y(top),
				y(Math.max(shown.from - from, 0)),
			);
		}
		if (last - first > SECOND_MS)
			this.mark(c, first + SECOND_MS, last, y(SECOND_MS), y(0));
	}

	mark(c, from, until, top, bottom) {
		const left = Math.max(this.xOf(from), LEFT);
		const right = Math.min(this.xOf(until), this.width - RIGHT);
		if (right <= left) return;
		const wide = Math.max(right - left, 1.5);
		c.clearRect(left, top, wide, bottom - top);
		c.strokeRect(left, top, wide, bottom - top);
	}

	cellRange(ms) {
		const slot = this.map?.slotMs ?? 20;
		return { from: ms, until: ms + slot };
	}

	cellAt(x, y) {
		const slotMs = this.map?.slotMs ?? 20;
		const second = Math.floor(this.timeAt(x) / SECOND_MS) * SECOND_MS;
		const share = Math.min(Math.max(1 - (y - TOP) / this.plotHeight(), 0), 0.9999);
		return second + Math.floor((share * SECOND_MS) / slotMs) * slotMs;
	}

	rangeAt(event) {
		const box = this.frame.getBoundingClientRect();
		return this.cellRange(
			this.cellAt(event.clientX - box.left, event.clientY - box.top),
		);
	}

	edgeUnder() {
		return null;
	}

	/* A click selects its cell. */
	clicked(event) {
		this.callbacks.onSelect(this.rangeAt(event));
	}

	valueAt(ms) {
		if (!this.map) return 0;
		return this.map.values[Math.floor((ms - this.map.startMs) / this.map.slotMs)] ?? 0;
	}

	describeAt(x, y) {
		const ms = this.cellAt(x, y);
		const samples = formatCount(this.valueAt(ms));
		const text = `${samples} samples in these ${this.map?.slotMs} ms`;
		return { ms, exact: true, parts: [], text };
	}

	key(event) {
		const slot = this.map?.slotMs ?? 20;
		const step = {
			ArrowLeft: -SECOND_MS,
			ArrowRight: SECOND_MS,
			ArrowUp: slot,
			ArrowDown: -slot,
		}[event.key];
		if (event.key === "Enter" && this.cell !== null) {
			this.callbacks.onSelect(this.cellRange(this.cell));
			return true;
		}
		if (!step) return super.key(event);
		const start = Math.ceil(this.window.from / SECOND_MS) * SECOND_MS;
		this.anchor = event.shiftKey ? (this.anchor ?? this.cell ?? start) : null;
		this.cell = (this.cell ?? start) + (this.cell === null ? 0 : step);
		if (this.anchor !== null && event.shiftKey)
			this.callbacks.onSelect({
				from: Math.min(this.anchor, this.cell),
				until: Math.max(this.anchor, this.cell) + slot,
			});
		this.placeBand();
		this.callbacks.onCell?.(this.cell, this.valueAt(this.cell));
		return true;
	}
}
