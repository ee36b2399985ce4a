/*
 * What the timeline, the heat map and the lanes have in common: one time axis, the range that is
 * selected on it, and the pointers and keys that change both.
 *
 * Drag selects, the edges of a selection can be dragged again, a click lets it go; wheel zooms at
 * the pointer, sideways moves. Keys do the same. The owner hears of it: onSelect(range or null),
 * onWindow(range), onHover(what is there or null, x, y). Times are milliseconds.
 */
import { SPAN_MAX_MS, SPAN_MIN_MS } from "./axis.js";
import { element, on, onKey, sizeCanvas } from "./dom.js";

/* px around the plot */
export const LEFT = 44,
	RIGHT = 12,
	TOP = 10;
const DRAG_PX = 4; /* shorter drags are clicks */
const EDGE_PX = 7; /* a drag that begins so near to an edge moves it */

/* Its heirs draw, and say what is under the pointer: describeAt(x, y). */
export class TimePanel {
	constructor(frame, callbacks) {
		this.frame = frame;
		this.callbacks = callbacks;
		this.canvas = element("canvas", { "aria-hidden": "true" });
		this.context = this.canvas.getContext("2d");
		this.band = element(
			"div.band",
			{ hidden: true },
			element("span.band-edge"),
			element("span.band-edge"),
		);
		this.cursor = element("div.cursor", { hidden: true });
		frame.append(this.canvas, this.band, this.cursor);
		this.window = { from: 0, until: 1 };
		this.selection = null;
		this.utc = false;
		this.colors = { grid: "#888", text: "#888" };
		this.drag = null;
		this.pending = 0;
		new ResizeObserver(() => this.resize()).observe(frame);
		this.listen();
	}

	setWindow(range) {
		this.window = range;
		this.requestDraw();
	}

	setSelection(range) {
		this.selection = range;
		this.placeBand();
	}

	setLook(colors, utc) {
		this.colors = colors;
		this.utc = utc;
		this.requestDraw();
	}

	requestDraw() {
		if (!this.pending)
			this.pending = requestAnimationFrame(() => {
				this.pending = 0;
				this.draw();
			});
	}

	/* ---- geometry ---- */

	resize() {
		this.width = this.frame.clientWidth;
		this.height = this.frame.clientHeight;
		this.ratio = sizeCanvas(this.canvas, this.width, this.canvasHeight());
		this.font = "11px " + getComputedStyle(this.frame).fontFamily;
		this.draw();
	}

	canvasHeight() {
		return this.height;
	}

	/* Its canvas, emptied and ready for text. */
	emptied() {
		const c = this.context;
		c.setTransform(this.ratio, 0, 0, this.ratio, 0, 0);
		c.clearRect(0, 0, this.width, this.canvasHeight());
		c.font = this.font;
		return c;
	}

	/* Runs draw where nothing outside the plot is painted. */
	clipped(c, draw) {
		c.save();
		c.beginPath();
		c.rect(LEFT, 0, this.plotWidth(), this.height);
		c.clip();
		draw();
		c.restore();
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

	/* The time under the pointer: a moment, or where time comes in cells all of one. */
	rangeAt(event) {
		const t = this.timeAt(this.xUnder(event));
		return { from: t, until: t };
	}

	listen() {
		const frame = this.frame;
		on(frame, "pointerdown", (e) => this.dragStart(e));
		on(frame, "pointermove", (e) => this.dragMove(e));
		on(frame, "pointerup", (e) => this.dragEnd(e));
		on(frame, "pointercancel", () => this.dragCancel());
		on(frame, "pointerleave", () => this.hover(null));
		on(frame, "wheel", (e) => this.wheel(e), { passive: false });
		onKey(frame, (e) => this.key(e));
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
			y: event.clientY,
			anchor:
				fixed === null
					? this.rangeAt(event)
					: { from: fixed, until: fixed },
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
		const moved = Math.hypot(x - this.drag.x, event.clientY - this.drag.y);
		if (!this.drag.range && moved < DRAG_PX) return;
		const { anchor } = this.drag;
		const to = this.rangeAt(event);
		this.drag.range = {
			from: Math.min(to.from, anchor.from),
			until: Math.max(to.until, anchor.until),
		};
		this.placeBand();
		this.hover(x, event);
	}

	dragEnd(event) {
		const drag = this.drag;
		this.drag = null;
		if (!drag) return;
		if (drag.range && Math.round(drag.range.until) > Math.round(drag.range.from))
			this.callbacks.onSelect({
				from: Math.round(drag.range.from),
				until: Math.round(drag.range.until),
			});
		else if (!drag.edge) this.clicked(event);
		this.placeBand();
	}

	/* What its heirs do. */
	draw() {}

	/** @type {(x: number, y: number) => any} */
	describeAt() {}

	/** @type {(event: any) => void} */
	clicked() {
		if (this.selection) this.callbacks.onSelect(null);
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
			{
				...this.describeAt(
					x,
					event.clientY - this.frame.getBoundingClientRect().top,
				),
				range: this.drag?.range ?? null,
			},
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
