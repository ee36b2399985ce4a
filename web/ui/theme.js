/*
 * Light and dark: the system's choice until one is made here. A choice is kept by the address and
 * by this browser.
 */
import { on } from "./dom.js";

const KEY = "hearth-theme";

const systemDark = matchMedia("(prefers-color-scheme: dark)");

function stored() {
	try {
		const value = localStorage.getItem(KEY);
		return value === "dark" || value === "light" ? value : "";
	} catch {
		return ""; /* a report opened from a file may have no storage */
	}
}

/* Puts a choice ("" is the system's) into effect; whether it is dark. */
export function applyTheme(choice) {
	const wanted = choice || stored();
	if (wanted) document.documentElement.dataset.theme = wanted;
	else delete document.documentElement.dataset.theme;
	return wanted ? wanted === "dark" : systemDark.matches;
}

export function rememberTheme(choice) {
	try {
		localStorage.setItem(KEY, choice);
	} catch {
		/* the address still has it */
	}
}

export function onSystemTheme(callback) {
	on(systemDark, "change", callback);
}
