/*
 * New builds of programs and libraries in the window, in the menu of comparisons: one click
 * compares what ran since with what ran before.
 */
import { fetchBuilds } from "./api.js";
import { byId, element, on } from "./dom.js";
import { baseName, formatCount, formatTime, shownName } from "./format.js";
import { selectionParam } from "./state.js";

const ID_SHOWN = 8; /* digits of a build id */

/* What compares the two sides of a change. */
export function changeState(change) {
	const [from, at, until] = [change.from_ns, change.at_ns, change.until_ns].map(
		(ns) => ns / 1e6,
	);
	return {
		sel: selectionParam({ from: at, until }),
		base: selectionParam({ from, until: at }),
		bmatch: "",
		live: "",
	};
}

function item(change, app) {
	const time = formatTime(change.at_ns / 1e6, app.state.utc === "1");
	const ids = [change.before, change.after]
		.map((id) => id.slice(0, ID_SHOWN))
		.join(" \u2192 ");
	return element(
		"li",
		element(
			"button.item",
			{
				title: shownName(change.path, 400),
				"data-after": change.after,
				onclick: () => app.go(changeState(change)),
			},
			shownName(baseName(change.path), 32),
			element("small", `${time}, ${ids}`),
		),
	);
}

async function showBuilds(app, loads) {
	const say = (text) => (byId("builds-note").textContent = text);
	say("Looking \u2026");
	const { value, error } = await loads.run("builds", (signal) =>
		fetchBuilds(app.window, app.state.match, signal),
	);
	if (value) {
		byId("builds").replaceChildren(...value.changes.map((c) => item(c, app)));
		say(
			value.left_out
				? formatCount(value.left_out) + " more builds: ask for less time."
				: value.changes.length
					? ""
					: "None in this window.",
		);
	} else if (error) say(error.message);
	app.ready();
}

/* They are asked for whenever the menu opens. */
export function watchBuilds(app, loads) {
	const menu = byId("compare");
	on(menu, "toggle", () => menu.open && showBuilds(app, loads));
}
