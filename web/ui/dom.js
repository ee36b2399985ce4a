/*
 * Building elements. Text goes in as text nodes only: nothing here parses markup, so a name can
 * never become some.
 */

export function on(target, type, listener, options) {
	target.addEventListener(type, listener, options);
}

/* Parts of the page that wait in templates: what is in them is found there. */
const waiting = [...(globalThis.document?.querySelectorAll("template") ?? [])];

/** @type {(id: string) => any} */
export const byId = (id) =>
	document.getElementById(id) ??
	waiting.map((part) => part.content.getElementById(id)).find(Boolean);

/* All of them, where they stand. */
export function placeWaiting() {
	for (const part of waiting.splice(0)) part.replaceWith(part.content);
}

/** @type {(selector: string, within?: any) => any[]} */
export const all = (selector, within) => [...(within ?? document).querySelectorAll(selector)];

/*
 * An element, `tag.class`, with what it has: first, where there are some, properties (`on...`
 * handlers, attributes; false and null leave one out), then children.
 */
export function element(tag, ...parts) {
	const [name, ...classes] = tag.split(".");
	const node = document.createElement(name);
	const properties = parts[0]?.constructor === Object ? parts.shift() : {};
	if (name === "button") node.type = name;
	if (classes.length) node.className = classes.join(" ");
	for (const [key, value] of Object.entries(properties)) {
		if (value === null || value === false) continue;
		if (key.startsWith("on")) on(node, key.slice(2), value);
		else node.setAttribute(key, value === true ? "" : value);
	}
	node.append(...parts.filter((part) => part !== ""));
	return node;
}

/* Keys of an element that come without Ctrl, Meta and Alt; true: it was ours. */
export function onKey(target, listener) {
	on(target, "keydown", (e) => {
		if (!e.ctrlKey && !e.metaKey && !e.altKey && listener(e)) e.preventDefault();
	});
}

/* Makes a canvas so large, in CSS pixels; how many of the screen's make one. */
export function sizeCanvas(canvas, width, height) {
	const ratio = window.devicePixelRatio || 1;
	canvas.width = Math.round(width * ratio);
	canvas.height = Math.round(height * ratio);
	canvas.style.width = width + "px";
	canvas.style.height = height + "px";
	return ratio;
}

/* What <html> says of the page; see main.js. */
export const facts = globalThis.document?.documentElement.dataset ?? {};

/*
 * A small square of a colour, for legends. Set through the object model: the page's policy allows
 * no style attributes.
 */
export function swatch(color) {
	const node = element("span.swatch", { "aria-hidden": "true" });
	node.style.backgroundColor = color;
	return node;
}

/* Resolves after so many milliseconds. */
export const pause = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

/* Gives other tasks (painting, input) their turn; a timer would wait 4 ms from the fifth on. */
export function yieldToPage() {
	/** @type {any} */
	const { scheduler } = globalThis;
	return scheduler?.yield?.() ?? pause(0);
}

/* Until the frame that is drawn next is on the screen; of a page that is not seen, at once. */
export const painted = () =>
	new Promise((resolve) =>
		document.hidden
			? resolve()
			: requestAnimationFrame(() => setTimeout(resolve)),
	);

const WORK_MS = 12; /* of long work between two paints */

/*
 * Runs a generator to its end with pauses for the page; undefined as soon as stale() holds, if it
 * may.
 */
export async function runSliced(generator, stale) {
	for (;;) {
		const end = performance.now() + WORK_MS;
		do {
			const { done, value } = generator.next();
			if (done) return value;
		} while (performance.now() < end);
		await yieldToPage();
		if (stale?.()) return undefined;
	}
}

/* A button that is a switch. */
export function setPressed(button, pressed) {
	button.setAttribute("aria-pressed", String(pressed));
}
