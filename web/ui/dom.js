/*
 * Building elements. Text goes in as text nodes only: nothing here parses markup, so a name can
 * never become some.
 */

export function on(target, type, listener, options) {
	target.addEventListener(type, listener, options);
}

/** @type {(id: string) => any} */
export const byId = (id) => document.getElementById(id);

/** @type {(selector: string, within?: any) => any[]} */
export const all = (selector, within) => [...(within ?? document).querySelectorAll(selector)];

/*
 * An element with properties (`class`, `on...` handlers, attributes; false and null leave one out)
 * and children.
 */
export function element(tag, properties, ...children) {
	const node = document.createElement(tag);
	for (const [name, value] of Object.entries(properties ?? {})) {
		if (value === null || value === false || value === undefined) continue;
		if (name.startsWith("on")) on(node, name.slice(2), value);
		else if (name === "class") node.className = value;
		else node.setAttribute(name, value === true ? "" : String(value));
	}
	node.append(...children.filter((c) => c !== null && c !== undefined && c !== ""));
	return node;
}

/*
 * A small square of a colour, for legends. Set through the object model: the page's policy allows
 * no style attributes.
 */
export function swatch(color) {
	const node = element("span", { class: "swatch", "aria-hidden": "true" });
	node.style.backgroundColor = color;
	return node;
}

/* Gives other tasks (painting, input) their turn. */
export function yieldToPage() {
	return new Promise((resolve) => setTimeout(resolve));
}

const WORK_MS = 12; /* of long work between two paints */

/*
 * Runs a generator to its end with pauses for the page; undefined as soon as stale() holds.
 */
export async function runSliced(generator, stale) {
	for (;;) {
		const end = performance.now() + WORK_MS;
		do {
			const { done, value } = generator.next();
			if (done) return value;
		} while (performance.now() < end);
		await yieldToPage();
		if (stale()) return undefined;
	}
}

/* A button that is a switch. */
export function setPressed(button, pressed) {
	button.setAttribute("aria-pressed", String(pressed));
}
