/*
 * The page's address, which says what is shown; a report has it behind the `#`.
 *
 * A step that can be gone back to is there at once. What is typed or turned is written once it
 * rests: all of the browser is told of an address, which competes with drawing what was typed, and
 * it takes only so many of them in a while.
 */
import { byId } from "./dom.js";
import { decodeState } from "./state.js";

const QUIET_MS = 200;

export const report = Boolean(byId("hearth-file"));

let query = "";
let timer = 0; /* until query is written */

/* how: "pushState" or "replaceState" */
function write(how) {
	clearTimeout(timer);
	timer = 0;
	const address = report ? "#" + query : location.pathname + (query ? "?" + query : "");
	try {
		history[how](null, "", address);
	} catch {
		/* a report opened from a file may have no address; it works without */
	}
}

/* later: no step to go back to. */
export function writeAddress(text, later) {
	if (timer && !later) write("replaceState");
	clearTimeout(timer);
	query = text;
	if (later) timer = setTimeout(write, QUIET_MS, "replaceState");
	else write("pushState");
}

/* The state of the address, which the browser has changed: nothing is to be written. */
export function readAddress() {
	clearTimeout(timer);
	timer = 0;
	return decodeState(report ? location.hash : location.search);
}
