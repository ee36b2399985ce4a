import assert from "node:assert/strict";
import fs from "node:fs";
import test from "node:test";

const folder = new URL("../../../web/ui/", import.meta.url);
const sources = Object.fromEntries(
	fs
		.readdirSync(folder)
		.filter((f) => f.endsWith(".js"))
		.map((f) => [f, fs.readFileSync(new URL(f, folder), "utf8")]),
);

/*
 * What the build relies on (web/embed.c): it orders modules by their imports, drops those, and
 * joins the rest.
 */
const importsOf = (text) =>
	[...text.matchAll(/^import \{[^}]*\}\s+from "\.\/([a-z]+\.js)";$/gm)].map((m) => m[1]);

function ordered() {
	const done = [];
	const open = new Set();
	const visit = (name) => {
		if (done.includes(name)) return;
		assert.ok(!open.has(name), "a cycle of imports through " + name);
		open.add(name);
		assert.ok(sources[name], name + " is imported and not there");
		importsOf(sources[name]).forEach(visit);
		done.push(name);
	};
	visit("main.js");
	return done;
}

test("modules use named imports of each other alone, and all are used", () => {
	assert.deepEqual(ordered().sort(), Object.keys(sources).sort());
	for (const [name, text] of Object.entries(sources)) {
		assert.equal(
			(text.match(/^import\b/gm) ?? []).length,
			importsOf(text).length,
			name,
		);
		assert.doesNotMatch(
			text,
			/\bimport\(|import\.meta|^export (default|\{|\*)|\bas\b [a-z]+ \}/m,
			name,
		);
	}
});

/*
 * A function's body, in which `await` may stand as at a module's top level; what it is asked for
 * stands in a block, where two functions may not share a name.
 */
const Script = Object.getPrototypeOf(async () => {}).constructor;

test("no two modules share a top-level name, so that they can be one script", () => {
	const joined = ordered()
		.map((n) =>
			sources[n]
				.replace(/^import \{[^}]*\}\s+from "[^"]+";$/gm, "")
				.replace(/^export /gm, ""),
		)
		.join("\n");
	assert.doesNotThrow(() => new Script('"use strict";{' + joined + "}"));
	assert.ok(!joined.toLowerCase().includes("</script"), "would end an inline script");
});

test("names can only become text: nothing parses markup or runs strings", () => {
	for (const [name, text] of Object.entries(sources))
		assert.doesNotMatch(
			text,
			new RegExp(
				"innerHTML|outerHTML|insertAdjacentHTML|" +
					"document\\.write|DOMParser|" +
					"createContextualFragment|srcdoc|" +
					"\\beval\\b|new Function\\b|" +
					'setAttribute\\("(on|style)',
			),
			name,
		);
	const page = fs.readFileSync(new URL("index.html", folder), "utf8");
	assert.doesNotMatch(
		page,
		/\sstyle=|<style|\son[a-z]+=|<script(?![^>]*src=)/,
		"the policy allows nothing inline",
	);
	assert.doesNotMatch(page, /(src|href)="(https?:)?\/\//, "nothing from elsewhere");
});

test("each id of the page is one element's", () => {
	const page = fs.readFileSync(new URL("index.html", folder), "utf8");
	const ids = [...page.matchAll(/\sid="([^"]*)"/g)].map((m) => m[1]);
	assert.deepEqual(
		ids.filter((id, i) => ids.indexOf(id) !== i),
		[],
	);
});

/* A browser keeps such a page in one byte a character and reads it faster: all else is escaped. */
test("the page has no character beyond Latin-1", () => {
	const style = fs.readFileSync(new URL("style.css", folder), "utf8");
	const page = fs.readFileSync(new URL("index.html", folder), "utf8");
	for (const text of [style, page, ...Object.values(sources)])
		assert.doesNotMatch(
			text.replace(/\/\*[^]*?\*\//g, ""),
			/[^\0-\xff]/,
		);
});
