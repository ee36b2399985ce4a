/*
 * The lines of a source file, or the instructions of a function, with what they cost in the range
 * shown.
 *
 * Rows are those round the place that was asked for, more of them by a button: a file may have a
 * hundred thousand. Rows carry data-at (the line, the address), data-self and data-total in
 * samples.
 */
import { fetchCode } from "./api.js";
import { amountCell } from "./cells.js";
import { byId, element, on } from "./dom.js";
import { formatCount, formatTime, shownName } from "./format.js";
import { FIRST_HUE } from "./palette.js";
import { placeOfCode } from "./place.js";

const ROWS_AROUND = 300; /* above and below */
const TEXT_MAX = 2000; /* characters of a line */

/*
 * [{at, text, self, total}] of an answer, one a line; what stands behind the last line's end is
 * none.
 */
export function sourceRows({ text, lines }) {
	const rows = text
		.replace(/\n$/, "")
		.split("\n")
		.map((line, i) => ({ at: i + 1, text: line, self: 0, total: 0 }));
	for (const [at, self, total] of lines)
		if (rows[at - 1]) Object.assign(rows[at - 1], { self, total });
	return rows;
}

const instructionRows = ({ instructions }) =>
	instructions.map(([at, text, self, total]) => ({ at, text, self, total }));

/*
 * By view: who is asked, and how its answer becomes rows; which of them was meant; what they are
 * called.
 */
const KINDS = {
	source: {
		path: "source",
		rows: sourceRows,
		place: (answer) => answer.line,
		words: ["lines", "Line", "Source"],
		label: String,
	},
	asm: {
		path: "disassembly",
		rows: instructionRows,
		place: (answer) => answer.address,
		words: ["instructions", "Address", "Instruction"],
		label: (at) => at.toString(16),
	},
};

export class CodeView {
	/* loads: of main.js; range(): what is shown */
	constructor(app, loads, range) {
		this.app = app;
		this.loads = loads;
		this.range = range;
		this.rows = [];
		on(byId("code-above"), "click", () => this.fill((this.first -= 1000), this.last));
		on(byId("code-below"), "click", () => this.fill(this.first, (this.last += 1000)));
		on(byId("code-hottest"), "click", () => this.showPlace(this.hottest.at));
	}

	/* tree: that is shown; renew: its samples are others than before. */
	async show(tree, renew) {
		const { state, report } = this.app;
		const kind = (this.kind = KINDS[state.view]);
		const { why, ...of } = placeOfCode(state.view, tree, state, report);
		const wanted = kind.path + state.fn + (why ?? Object.values(of));
		const again = this.shown === wanted;
		if (again && !renew) return;
		this.shown = wanted;
		const heads = byId("code").tHead.rows[0].cells;
		[heads[0].textContent, heads[3].textContent] = kind.words.slice(1);
		if (why) {
			this.showNone(why);
			return;
		}
		if (!again) this.say("Reading \u2026");
		const asked = { match: state.match, ...of, function: state.fn };
		const result = await this.loads.run("code", (signal) =>
			fetchCode(kind.path, this.range(), asked, signal),
		);
		if (result.aborted) return;
		if (result.value) this.showAnswer(result.value, again);
		else this.showNone(result.error.message);
		this.app.ready();
	}

	say(text) {
		byId("code-note").textContent = text;
	}

	showNone(why) {
		this.rows = [];
		this.hottest = null;
		this.fill(0, 0);
		this.say(why);
	}

	showAnswer(answer, again) {
		this.rows = this.kind.rows(answer);
		this.tree = { periodNs: answer.period_ns, whole: [answer.samples] };
		const most = this.rows.reduce((a, b) => (b.self > a.self ? b : a), this.rows[0]);
		this.hottest = most?.self ? most : null;
		const modified = answer.modified_ns / 1e6;
		const time = formatTime(modified, this.app.state.utc === "1");
		const since = modified > this.range().until ? " · changed since, " + time : "";
		const { fn } = this.app.state;
		this.say(shownName(answer.found ?? `${fn} · ${answer.object}`) + since);
		if (again) this.fill(this.first, this.last);
		else this.showPlace(this.kind.place(answer) || this.hottest?.at);
	}

	/* The rows round a place, which is brought into view. */
	showPlace(at) {
		const i = this.rows.findIndex((row) => row.at === at);
		this.marked = at;
		this.fill(i - ROWS_AROUND, i + ROWS_AROUND);
		const row = byId("code").querySelector("[aria-current]");
		row?.scrollIntoView({ block: "center" });
	}

	fill(first, last) {
		const { rows, hottest } = this;
		this.first = Math.max(first, 0);
		this.last = Math.min(last, rows.length);
		const most = hottest?.self || 1;
		byId("code").tBodies[0].replaceChildren(
			...rows.slice(this.first, this.last).map((row) => this.row(row, most)),
		);
		byId("code").hidden = !rows.length;
		this.more("code-above", this.first);
		this.more("code-below", rows.length - this.last);
		byId("code-hottest").hidden = !hottest;
	}

	more(id, count) {
		byId(id).hidden = !count;
		byId(id).textContent = `${formatCount(count)} more ${this.kind.words[0]}`;
	}

	row(row, most) {
		const amount = (n) => (n ? amountCell(this.tree, n) : element("td.number"));
		const text = row.text.replace(/\t/g, "    ");
		const bar = element("span.share", { "aria-hidden": "true" });
		bar.style.width = (100 * row.self) / most + "%";
		bar.style.backgroundColor = this.app.palette.bars[FIRST_HUE];
		return element(
			"tr",
			{
				"data-at": row.at,
				"data-self": row.self,
				"data-total": row.total,
				"aria-current": row.at === this.marked ? "true" : null,
			},
			element("td.number", this.kind.label(row.at)),
			amount(row.self),
			amount(row.total),
			element(
				"td.text",
				bar,
				element("code", shownName(text, TEXT_MAX)),
			),
		);
	}
}
