/*
 * Lanes: a row a thread, a mark a sample, coloured by the function that ran; the busiest threads
 * first, all of them by scrolling.
 */
import { on } from "./dom.js";
import { visibleName } from "./format.js";
import { FIRST_HUE, MUTED } from "./palette.js";
import { LEFT, RIGHT, TimePanel } from "./timepanel.js";

const LANE = 18; /* px */
const COLORS = 8; /* functions that have one */
export const LANES_MAX_MS = 600000; /* longer ranges are more samples than a page should hold */

export class Lanes extends TimePanel {
	constructor(frame, scroller, callbacks) {
		super(frame, callbacks);
		/* these, and counts: as readLanes() gives them */
		this.lanes = [];
		this.times = [];
		this.tops = [];
		this.names = [];
		this.counts = [];
		this.palette = null;
		this.scroller = scroller;
		on(scroller, "scroll", () => this.requestDraw(), { passive: true });
	}

	setData(data, palette) {
		Object.assign(this, data, { palette });
		const ranked = data.counts
			.map((n, i) => i)
			.sort((a, b) => data.counts[b] - data.counts[a]);
		this.slots = new Uint8Array(data.names.length).fill(MUTED);
		this.top = ranked.slice(0, COLORS);
		this.top.forEach((name, i) => (this.slots[name] = FIRST_HUE + i));
		this.frame.style.height = Math.max(this.lanes.length, 1) * LANE + "px";
		this.requestDraw();
	}

	/* The canvas is as high as what is seen; it moves with the scroll bar. */
	canvasHeight() {
		return this.scroller.clientHeight || 200;
	}

	draw() {
		if (!this.width || !this.palette) return;
		const c = this.emptied();
		const top = this.scroller.scrollTop;
		this.canvas.style.top = top + "px";
		c.textBaseline = "middle";
		const first = Math.floor(top / LANE);
		const bottom = top + this.canvasHeight();
		const last = Math.min(this.lanes.length, Math.ceil(bottom / LANE));
		for (let i = first; i < last; i++) this.drawLane(c, this.lanes[i], i * LANE - top);
		this.placeBand();
	}

	drawLane(c, lane, y) {
		const { times, tops } = this;
		for (let i = lane.from; i < lane.until; i++) {
			const x = this.xOf(times[i]);
			if (x < LEFT || x > this.width - RIGHT) continue;
			c.fillStyle = this.palette.bars[this.slots[tops[i]]];
			c.fillRect(x, y + 2, 2, LANE - 4);
		}
		const name = this.laneName(lane).slice(0, 40);
		c.fillStyle = this.palette.page;
		c.globalAlpha = 0.75;
		c.fillRect(LEFT, y + 2, c.measureText(name).width + 8, LANE - 4);
		c.globalAlpha = 1;
		c.fillStyle = this.palette.text;
		c.fillText(name, LEFT + 4, y + LANE / 2);
	}

	laneName(lane) {
		return visibleName(`${lane.thread} (${lane.tid})`);
	}

	laneAt(y) {
		return this.lanes[Math.floor(y / LANE)];
	}

	describeAt(x, y) {
		const ms = this.timeAt(x);
		const lane = this.laneAt(y);
		if (!lane) return { ms, exact: true, parts: [], text: "" };
		const { times } = this;
		let best = lane.from;
		for (let i = lane.from; i < lane.until; i++)
			if (Math.abs(times[i] - ms) < Math.abs(times[best] - ms)) best = i;
		const near = Math.abs(this.xOf(times[best]) - x) < 6;
		const ran = near ? ` ran ${visibleName(this.names[this.tops[best]])}` : "";
		const of = lane.thread === lane.comm ? "" : ` of ${visibleName(lane.comm)}`;
		return {
			ms: near ? times[best] : ms,
			exact: true,
			parts: [],
			text: `${this.laneName(lane)}${of}, pid ${lane.pid}${ran}`,
		};
	}

	/* A click shows that thread alone. */
	clicked(event) {
		const lane = this.laneAt(event.clientY - this.frame.getBoundingClientRect().top);
		if (lane) this.callbacks.onLane(lane);
	}

	legend() {
		return this.top.map((i) => ({
			name: this.names[i],
			slot: this.slots[i],
			samples: this.counts[i],
		}));
	}
}
