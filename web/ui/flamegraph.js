/*
 * The flame graph: one canvas as high as its frame, a scroll bar for the rest, and the two outlines
 * (hover, focus) above it.
 *
 * It draws what layout.js puts on the screen and turns pointers and keys into nodes; what happens
 * then (zoom, tooltip, address) is decided by its owner through callbacks: onZoom(node, rest),
 * onHover(box or null, x, y), onFocus(node).
 */
import { Boxes, boxAt, boxOf, heightBelow, layoutRows, zoomOn, zoomThatShows } from "./layout.js";
import { Labels } from "./labels.js";
import { MUTED } from "./palette.js";
import { matchedBetween } from "./search.js";
import { element, on, onKey, sizeCanvas } from "./dom.js";
import { formatCount } from "./format.js";

const ROW = 21; /* px */
const LABEL_MIN = 26; /* px: below it a bar has no label */
const MERGED_LABEL_MIN = 150; /* px: "1,000,000 small calls" */
/* px: browsers lose precision beyond; deeper graphs scroll faster than the bar */
const SCROLL_MAX = 8e6;
const PICTURE_MAX = 16000; /* px */
const CALLERS_SHOWN = 3; /* rows of callers that stay above a zoomed node */

export class FlameGraph {
	constructor(frame, callbacks) {
		this.frame = frame;
		this.callbacks = callbacks;
		this.canvas = element("canvas", { "aria-hidden": "true" });
		this.context = this.canvas.getContext("2d", { alpha: false });
		this.hoverBox = element("div.bar-outline.hover-outline", {
			hidden: true,
		});
		this.focusBox = element("div.bar-outline.focus-outline", {
			hidden: true,
		});
		this.stage = element(
			"div.stage",
			{ role: "none" },
			this.canvas,
			this.hoverBox,
			this.focusBox,
		);
		this.spacer = element("div.spacer", { role: "none" });
		frame.prepend(this.stage, this.spacer);
		this.labels = new Labels(this.context);
		this.boxes = new Boxes();
		this.tree = null;
		this.zoom = { root: 0, from: 0, until: 0 };
		this.matches = null;
		this.flip = false;
		this.focused = -1;
		this.hovered = null;
		this.pending = 0;
		this.shift = 0;
		this.font = ""; /* of labels, as the frame's style has it */
		this.size = ""; /* of the frame, as it was last looked at */
		this.unplaced = this.keepScroll = false;
		on(frame, "scroll", () => this.requestDraw(), { passive: true });
		new ResizeObserver(() => this.resize()).observe(frame);
		this.listen();
	}

	/* ---- what is shown ---- */

	setTree(tree) {
		this.tree = tree;
		this.labels.setTree(tree);
		this.focused = -1;
		this.setHover(null);
	}

	/* slotOf(node): of the palette; markOf(node): a sign before the label, or "" */
	setColors(palette, slotOf, markOf) {
		this.palette = palette;
		this.slotOf = slotOf;
		this.markOf = markOf ?? (() => "");
		this.requestDraw();
	}

	/* `frames` as searchTree gives it, or null for no search. */
	setMatches(frames) {
		this.matches = frames;
		this.requestDraw();
	}

	setFlip(flip) {
		this.flip = flip;
		this.measure();
		this.scrollToRow(this.firstRow(), true);
		this.requestDraw();
	}

	setZoom(root, rest, keepScroll) {
		this.zoom = zoomOn(this.tree, root, rest);
		this.rows =
			(this.tree.depth[this.zoom.root] ?? 0) +
			1 +
			heightBelow(this.tree, this.zoom.root);
		this.keepScroll = keepScroll && (this.keepScroll || !this.unplaced);
		this.unplaced = true;
		this.setHover(null);
		this.requestDraw();
	}

	/*
	 * ---- geometry: rows are depths, offset is what has scrolled out at the root's side ----
	 */

	resize() {
		if (this.tree && this.fit()) this.draw();
	}

	/* Takes the frame's size; whether it is shown in another than it was. */
	fit() {
		const { clientWidth: width, clientHeight: height } = this.frame;
		const size = [width, height, window.devicePixelRatio].join();
		if (size === this.size) return false;
		this.size = size;
		if (!width || !height) return false;
		this.width = width;
		this.height = height;
		this.font ||= "12.5px " + getComputedStyle(this.frame).fontFamily;
		this.ratio = sizeCanvas(this.canvas, width, height);
		this.stage.style.height = height + "px";
		this.measure();
		return true;
	}

	/*
	 * After a zoom: once for all that has changed on the page since, since to ask it for a size
	 * or a scroll bar's place is to have it laid out.
	 */
	place() {
		if (!this.unplaced) return;
		this.unplaced = false;
		if (!this.fit()) this.measure();
		if (!this.keepScroll) this.scrollToRow(this.firstRow(), true);
	}

	measure() {
		if (!this.tree || !this.height) return;
		this.content = Math.max(this.rows * ROW + ROW / 2, this.height);
		const scrolled = Math.min(this.content, SCROLL_MAX);
		this.spacer.style.height = scrolled - this.height + "px";
		this.speed =
			scrolled > this.height
				? (this.content - this.height) / (scrolled - this.height)
				: 1;
	}

	offset() {
		const top = this.frame.scrollTop * this.speed;
		return this.flip ? this.content - this.height - top : top;
	}

	/* The row at the root's edge after a zoom: some callers above the zoomed node. */
	firstRow() {
		return Math.max(0, (this.tree?.depth[this.zoom.root] ?? 0) - CALLERS_SHOWN);
	}

	scrollToOffset(offset) {
		const top = this.flip ? this.content - this.height - offset : offset;
		this.frame.scrollTop = top / this.speed;
	}

	/* Brings a row into view; with `first` it becomes the one at the edge. */
	scrollToRow(row, first) {
		if (!this.height) return;
		const offset = this.offset();
		if (first || row * ROW < offset) this.scrollToOffset(row * ROW);
		else if ((row + 2) * ROW > offset + this.height)
			this.scrollToOffset((row + 2) * ROW - this.height);
	}

	/* As it was drawn: to ask the frame for each bar would be slow. */
	rowTop(row) {
		const fromRoot = row * ROW - this.shift;
		return this.flip ? this.height - fromRoot - ROW : fromRoot;
	}

	boxUnder(event) {
		if (!this.tree) return null;
		const area = this.canvas.getBoundingClientRect();
		const y = event.clientY - area.top;
		const row = Math.floor(((this.flip ? this.height - y : y) + this.offset()) / ROW);
		return this.boxInfo(boxAt(this.boxes, row, event.clientX - area.left));
	}

	boxInfo(i) {
		if (i < 0) return null;
		const b = this.boxes;
		return {
			node: b.node[i],
			row: b.row[i],
			x: b.x[i],
			width: b.width[i],
			merged: b.merged[i],
			samples: b.samples[i],
		};
	}

	/* ---- drawing ---- */

	requestDraw() {
		if (!this.pending) this.pending = requestAnimationFrame(() => this.draw());
	}

	/* What was asked for is drawn now, not with the next frame. */
	flush() {
		if (this.pending) this.draw();
	}

	draw() {
		cancelAnimationFrame(this.pending);
		this.pending = 0;
		if (!this.tree || !this.palette) return;
		this.place();
		if (!this.height) return;
		const c = this.context;
		this.shift = this.offset();
		const first = Math.floor(this.shift / ROW);
		const last = Math.ceil((this.shift + this.height) / ROW);
		layoutRows(this.tree, this.zoom, this.width, first, last, this.boxes);
		c.setTransform(this.ratio, 0, 0, this.ratio, 0, 0);
		c.fillStyle = this.palette.page;
		c.fillRect(0, 0, this.width, this.height);
		this.drawBars(c);
		this.drawLabels(c);
		this.placeOutlines();
	}

	/* All rows on a canvas of its own, as far as browsers draw so high a one. */
	picture() {
		this.place();
		const own = [this.context, this.height, this.content, this.frame];
		const canvas = element("canvas");
		const most = Math.floor(PICTURE_MAX / this.ratio);
		this.height = this.content = Math.min(this.rows * ROW, most);
		canvas.width = this.width * this.ratio;
		canvas.height = this.height * this.ratio;
		this.context = canvas.getContext("2d", { alpha: false });
		this.frame = { scrollTop: 0 };
		this.draw();
		[this.context, this.height, this.content, this.frame] = own;
		this.draw();
		return canvas;
	}

	drawBars(c) {
		const b = this.boxes;
		for (let i = 0; i < b.length; i++) {
			const y = this.rowTop(b.row[i]);
			this.drawBar(c, this.barColor(i), b.x[i], y, b.width[i]);
			if (!b.merged[i] || !this.matches) continue;
			const matched = b.width[i] * this.matchedShare(i);
			if (matched) this.drawBar(c, this.palette.matchInside, b.x[i], y, matched);
		}
	}

	/* One path for all of a colour takes twice as long: nearly all bars are thin. */
	drawBar(c, color, x, y, width) {
		c.fillStyle = color;
		if (width < 3) {
			c.fillRect(x, y, Math.max(width * 0.85, 0.4), ROW - 1);
			return;
		}
		const left = Math.round(x * this.ratio) / this.ratio;
		const right = Math.round((x + width) * this.ratio) / this.ratio - 1;
		if (width < 10) c.fillRect(left, y, right - left, ROW - 1);
		else {
			c.beginPath();
			c.roundRect(left, y, right - left, ROW - 1, 2.5);
			c.fill();
		}
	}

	barColor(i) {
		const { node, merged } = this.boxes;
		const palette = this.palette;
		const slot = merged[i] ? MUTED : this.slotOf(node[i]);
		if (this.matches)
			return !merged[i] && this.matches[this.tree.frame[node[i]]]
				? palette.match
				: palette.dim[slot];
		return node[i] < this.zoom.root && !merged[i]
			? palette.dim[slot]
			: palette.bars[slot];
	}

	/* How much of a muted bar a search matches, each stack counted once. */
	matchedShare(box) {
		const { node, merged, samples } = this.boxes;
		const { tree, matches } = this;
		const until = node[box] + merged[box];
		return matchedBetween(tree, matches, node[box], until, tree).samples / samples[box];
	}

	drawLabels(c) {
		const b = this.boxes;
		const { nodes, length } = this.tree;
		const part = nodes > length; /* of a profile: what is small is not counted yet */
		c.font = this.font;
		c.textBaseline = "middle";
		c.direction = "ltr";
		for (let i = 0; i < b.length; i++) {
			if (b.width[i] < (b.merged[i] ? MERGED_LABEL_MIN : LABEL_MIN)) continue;
			const left = Math.max(b.x[i], 0);
			const room = Math.min(b.x[i] + b.width[i], this.width) - left - 11;
			const text =
				room <= 0 || (part && b.merged[i])
					? ""
					: b.merged[i]
						? formatCount(b.merged[i]) + " small calls"
						: this.label(b.node[i], room);
			if (!text) continue;
			const faded =
				b.merged[i] ||
				b.node[i] < this.zoom.root ||
				(this.matches && !this.matches[this.tree.frame[b.node[i]]]);
			c.fillStyle = faded ? this.palette.faint : this.palette.text;
			c.fillText(text, left + 5, this.rowTop(b.row[i]) + ROW / 2, room + 2);
		}
	}

	label(node, room) {
		const mark = this.markOf(node);
		const wide = mark ? this.labels.width(mark) : 0;
		const text = this.labels.fit(this.tree.frame[node], room - wide);
		return text ? mark + text : room >= wide ? mark.trim() : "";
	}

	placeOutlines() {
		this.placeOutline(this.hoverBox, this.hovered);
		this.placeOutline(
			this.focusBox,
			this.focused < 0 ? null : this.boxInfo(boxOf(this.boxes, this.focused)),
		);
	}

	placeOutline(outline, box) {
		outline.hidden = !box;
		if (!box) return;
		const [x, y] = [Math.round(box.x), Math.round(this.rowTop(box.row))];
		outline.style.transform = `translate(${x}px, ${y}px)`;
		outline.style.width = Math.max(Math.round(box.width) - 1, 2) + "px";
		outline.style.height = ROW - 1 + "px";
	}

	/* ---- pointer and keys ---- */

	setHover(box, x, y) {
		const same =
			box?.node === this.hovered?.node && box?.merged === this.hovered?.merged;
		this.hovered = box;
		if (!same) this.placeOutline(this.hoverBox, box);
		this.callbacks.onHover(box, x, y);
	}

	listen() {
		const stage = this.stage;
		on(stage, "pointermove", (e) => {
			if (e.pointerType !== "touch")
				this.setHover(this.boxUnder(e), e.clientX, e.clientY);
		});
		on(stage, "pointerleave", (e) => {
			if (e.pointerType !== "touch") this.setHover(null);
		});
		on(stage, "click", (e) => this.click(e));
		on(stage, "dblclick", () => this.callbacks.onZoom(0, 0));
		onKey(this.frame, (e) => this.tree?.length && this.key(e.key));
		on(this.frame, "focus", () => {
			if (
				this.focused < 0 &&
				this.tree?.length &&
				this.frame.matches(":focus-visible")
			)
				this.focus(this.zoom.root);
		});
	}

	/* A finger has no hover: its first tap on a bar shows what it is, the second zooms. */
	click(event) {
		const box = this.boxUnder(event);
		if (!box) return;
		const touch = event.pointerType === "touch";
		if (
			touch &&
			(this.hovered?.node !== box.node || this.hovered?.merged !== box.merged)
		) {
			this.setHover(box, event.clientX, event.clientY);
			return;
		}
		this.focused = box.merged ? -1 : box.node;
		this.callbacks.onZoom(
			box.merged ? this.tree.parent[box.node] : box.node,
			box.merged ? box.node : 0,
		);
		if (this.focused >= 0) this.callbacks.onFocus(this.focused);
	}

	/* Moves the focus, and the screen so far that it is seen. */
	focus(node) {
		this.focused = node;
		const zoom = this.zoom;
		const { start, total, depth } = this.tree;
		const outside =
			start[node] + total[node] <= zoom.from ||
			start[node] >= zoom.until ||
			(total[node] / (zoom.until - zoom.from)) * this.width < 3;
		if (outside) this.callbacks.onZoom(zoomThatShows(this.tree, node, 0.04), 0);
		this.place();
		this.scrollToRow(depth[node]);
		this.draw();
		this.callbacks.onFocus(node);
	}

	key(key) {
		const { tree } = this;
		const node = this.focused < 0 ? this.zoom.root : this.focused;
		const inward = this.flip ? "ArrowUp" : "ArrowDown";
		const outward = this.flip ? "ArrowDown" : "ArrowUp";
		if (key === inward && node + 1 < tree.end[node]) this.focus(node + 1);
		else if (key === outward && node) this.focus(tree.parent[node]);
		else if (key === "ArrowRight") this.focus(this.sibling(node, 1));
		else if (key === "ArrowLeft") this.focus(this.sibling(node, -1));
		else if (key === "Home") this.focus(this.zoom.root);
		else if (key === "Enter" || key === " ") this.callbacks.onZoom(node, 0);
		else if (key === "PageDown" || key === "PageUp")
			this.frame.scrollTop += (key === "PageDown" ? 0.9 : -0.9) * this.height;
		else return key.startsWith("Arrow");
		return true;
	}

	/* The next node of the same depth below the same caller; itself at the ends. */
	sibling(node, step) {
		const { tree } = this;
		const p = tree.parent[node];
		if (step > 0) return node && tree.end[node] < tree.end[p] ? tree.end[node] : node;
		let before = node;
		for (let i = p + 1; i < node; i = tree.end[i]) before = i;
		return before;
	}
}
