/*
 * The timeline: CPU use over time, stacked by process name, and the range that is selected in it.
 *
 * Drag selects, the edges of a selection can be dragged again, a click lets it go; wheel zooms at
 * the pointer, sideways moves. Keys do the same. The owner hears of it: onSelect(range or null),
 * onWindow(range), onHover(moment or null, x, y). Times are milliseconds.
 */
import { SPAN_MAX_MS, SPAN_MIN_MS, roundStep, timeTicks, valueTicks } from "./axis.js";
import { element } from "./dom.js";
import { formatClock, timeParts } from "./format.js";

const LEFT = 44,
	RIGHT = 12,
	TOP = 10,
	BOTTOM = 22; /* px around the plot */
const BAR_PX = 4; /* a step is about so wide */
const DRAG_PX = 4; /* shorter drags are clicks */
const EDGE_PX = 7; /* a drag that begins so near to an edge moves it */
const MONTHS = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];

export class Timeline {
	constructor(frame, callbacks) {
		this.frame = frame;
		this.callbacks = callbacks;
		this.canvas = element("canvas", { "aria-hidden": "true" });
		this.context = this.canvas.getContext("2d");
		this.band = element(
			"div",
			{ class: "band", hidden: true },
			element("span", { class: "band-edge" }),
			element("span", { class: "band-edge" }),
		);
		this.cursor = element("div", { class: "cursor", hidden: true });
		frame.append(this.canvas, this.band, this.cursor);
		this.window = { from: 0, until: 1 };
		this.selection = null;
		this.layers = []; /* {name, color, values} from the bottom */
		this.data = { startMs: 0, stepMs: 1000, count: 0 };
		this.utc = false;
		this.colors = { grid: "#888", text: "#888" };
		this.drag = null;
		new ResizeObserver(() => this.resize()).observe(frame);
		this.listen();
	}

	/* The step to ask for, so that bars have a good width. */
	stepFor(range) {
		return roundStep(
			range.until - range.from,
			Math.max(20, Math.floor(this.plotWidth() / BAR_PX)),
		);
	}

	setWindow(range) {
		this.window = range;
		this.draw();
	}

	setSelection(range) {
		this.selection = range;
		this.placeBand();
	}

	setData(data, layers) {
		this.data = data;
		this.layers = layers;
		this.draw();
	}

	setLook(colors, utc) {
		this.colors = colors;
		this.utc = utc;
		this.draw();
	}

	/* ---- geometry ---- */

	resize() {
		this.width = this.frame.clientWidth;
		this.height = this.frame.clientHeight;
		this.ratio = window.devicePixelRatio || 1;
		this.canvas.width = Math.round(this.width * this.ratio);
		this.canvas.height = Math.round(this.height * this.ratio);
		this.canvas.style.width = this.width + "px";
		this.canvas.style.height = this.height + "px";
		this.draw();
	}

	plotWidth() {
		return Math.max(1, (this.width || 800) - LEFT - RIGHT);
	}

	xOf(ms) {
		return (
			LEFT +
			((ms - this.window.from) / (this.window.until - this.window.from)) *
				this.plotWidth()
		);
	}

	timeAt(x) {
		const share = Math.min(Math.max((x - LEFT) / this.plotWidth(), 0), 1);
		return this.window.from + share * (this.window.until - this.window.from);
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
		const c = this.context;
		c.setTransform(this.ratio, 0, 0, this.ratio, 0, 0);
		c.clearRect(0, 0, this.width, this.height);
		c.font = "11px " + getComputedStyle(this.frame).fontFamily;
		const sums = this.sums();
		const axis = valueTicks(sums.reduce((a, b) => Math.max(a, b), 0));
		this.drawValueAxis(c, axis);
		this.drawLayers(c, axis.top);
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
		c.save();
		c.beginPath();
		c.rect(LEFT, 0, this.plotWidth(), this.height);
		c.clip();
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
		c.restore();
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
			const clock = formatClock(t, this.utc);
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

	placeBand() {
		const shown = this.drag?.range ?? this.selection;
		this.band.hidden = !shown;
		if (!shown || !this.width) return;
		const left = Math.max(this.xOf(shown.from), LEFT - 4);
		const right = Math.min(this.xOf(shown.until), this.width - RIGHT + 4);
		this.band.hidden = right < LEFT - 4 || left > this.width;
		this.band.style.transform = `translateX(${left}px)`;
		this.band.style.width = Math.max(right - left, 2) + "px";
	}

	/* ---- pointer and keys ---- */

	listen() {
		const frame = this.frame;
		frame.addEventListener("pointerdown", (e) => this.dragStart(e));
		frame.addEventListener("pointermove", (e) => this.dragMove(e));
		frame.addEventListener("pointerup", (e) => this.dragEnd(e));
		frame.addEventListener("pointercancel", () => this.dragCancel());
		frame.addEventListener("pointerleave", () => this.hover(null));
		frame.addEventListener("wheel", (e) => this.wheel(e), { passive: false });
		frame.addEventListener("keydown", (e) => {
			if (!e.ctrlKey && !e.metaKey && !e.altKey && this.key(e))
				e.preventDefault();
		});
	}

	xUnder(event) {
		return event.clientX - this.frame.getBoundingClientRect().left;
	}

	edgeUnder(x) {
		const s = this.selection;
		if (s && Math.abs(x - this.xOf(s.from)) <= EDGE_PX) return s.until;
		if (s && Math.abs(x - this.xOf(s.until)) <= EDGE_PX) return s.from;
		return null;
	}

	dragStart(event) {
		if (event.button) return;
		const x = this.xUnder(event);
		const fixed = this.edgeUnder(x);
		this.drag = {
			x,
			anchor: fixed ?? this.timeAt(x),
			edge: fixed !== null,
			range: null,
		};
		this.frame.setPointerCapture(event.pointerId);
	}

	dragMove(event) {
		const x = this.xUnder(event);
		if (!this.drag) {
			this.frame.classList.toggle("on-edge", this.edgeUnder(x) !== null);
			this.hover(x, event);
			return;
		}
		if (!this.drag.range && Math.abs(x - this.drag.x) < DRAG_PX) return;
		const t = this.timeAt(x);
		this.drag.range = {
			from: Math.min(t, this.drag.anchor),
			until: Math.max(t, this.drag.anchor),
		};
		this.placeBand();
		this.hover(x, event);
	}

	dragEnd() {
		const drag = this.drag;
		this.drag = null;
		if (!drag) return;
		if (drag.range && Math.round(drag.range.until) > Math.round(drag.range.from))
			this.callbacks.onSelect({
				from: Math.round(drag.range.from),
				until: Math.round(drag.range.until),
			});
		else if (!drag.edge && this.selection) this.callbacks.onSelect(null);
		this.placeBand();
	}

	dragCancel() {
		this.drag = null;
		this.placeBand();
	}

	hover(x, event) {
		const inside = x !== null && x >= LEFT && x <= this.width - RIGHT;
		this.cursor.hidden = !inside;
		if (!inside) {
			this.callbacks.onHover(null);
			return;
		}
		this.cursor.style.transform = `translateX(${Math.round(x)}px)`;
		this.callbacks.onHover(
			{ ...this.momentAt(this.timeAt(x)), range: this.drag?.range ?? null },
			event.clientX,
			event.clientY,
		);
	}

	wheel(event) {
		event.preventDefault();
		const unit = event.deltaMode === 1 ? 16 : 1;
		if (Math.abs(event.deltaX) > Math.abs(event.deltaY) || event.shiftKey) {
			const delta = (event.deltaX || event.deltaY) * unit;
			this.pan(
				(delta / this.plotWidth()) * (this.window.until - this.window.from),
			);
			return;
		}
		this.zoomBy(
			Math.exp(Math.max(-120, Math.min(event.deltaY * unit, 120)) * 0.003),
			this.timeAt(this.xUnder(event)),
		);
	}

	zoomBy(factor, center) {
		const span = this.window.until - this.window.from;
		const wanted = Math.min(Math.max(span * factor, SPAN_MIN_MS), SPAN_MAX_MS);
		const share = (center - this.window.from) / span;
		const from = center - share * wanted;
		this.callbacks.onWindow({ from, until: from + wanted });
	}

	pan(ms) {
		this.callbacks.onWindow({
			from: this.window.from + ms,
			until: this.window.until + ms,
		});
	}

	/*
	 * Arrows move the window, with Shift the end of the selection; plus and minus zoom; Escape
	 * lets the selection go.
	 */
	key(event) {
		const span = this.window.until - this.window.from;
		const step = event.key === "ArrowLeft" ? -1 : event.key === "ArrowRight" ? 1 : 0;
		if (step && event.shiftKey) {
			const s = this.selection ?? {
				from: this.window.from,
				until: this.window.from + span / 10,
			};
			const until = Math.round(s.until + (step * span) / 50);
			if (until > s.from) this.callbacks.onSelect({ from: s.from, until });
		} else if (step) {
			this.pan((step * span) / 10);
		} else if (event.key === "+" || event.key === "=") {
			this.zoomBy(0.6, this.window.from + span / 2);
		} else if (event.key === "-") {
			this.zoomBy(1 / 0.6, this.window.from + span / 2);
		} else if (event.key === "Escape" && (this.drag || this.selection)) {
			const dragging = this.drag;
			this.dragCancel();
			if (!dragging) this.callbacks.onSelect(null);
			event.stopPropagation();
		} else {
			return false;
		}
		return true;
	}
}
