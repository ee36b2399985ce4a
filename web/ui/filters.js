/*
 * Filters by label: one chip a matcher, a label and a value to add one, and the selector itself as
 * text.
 *
 * The selector is the only truth; chips are how it reads. Values are offered as the daemon lists
 * them for the range shown.
 */
import { byId, element, on } from "./dom.js";
import { shownName, visibleName } from "./format.js";
import { addMatcher, formatSelector, parseSelector } from "./selector.js";

const OPERATOR_WORDS = { "=": "is", "!=": "is not", "=~": "matches", "!~": "does not match" };
const VALUES_OFFERED = 500; /* a longer list helps nobody; the box takes any value */

const option = (label) => element("option", { value: label }, visibleName(label));

export class Filters {
	/* source: {labels(), values(label)}; onMatch(text) */
	constructor(source, onMatch) {
		const parts = (this.parts = {
			chips: byId("chips"),
			label: byId("filter-label"),
			value: byId("filter-value"),
			values: byId("filter-values"),
			form: byId("filter-form"),
			selector: byId("selector"),
			error: byId("selector-error"),
			others: [byId("tby")] /* lists of labels */,
		});
		this.source = source;
		this.onMatch = onMatch;
		this.match = "";
		on(parts.form, "submit", (e) => {
			e.preventDefault();
			this.add();
		});
		on(parts.value, "focus", () => this.offerValues());
		on(parts.label, "change", () => {
			parts.value.value = "";
			parts.values.replaceChildren();
			this.offerValues();
		});
		on(parts.selector, "change", () => this.onMatch(parts.selector.value.trim()));
	}

	add() {
		const { label, value } = this.parts;
		if (!label.value) return;
		this.onMatch(
			addMatcher(this.match, { label: label.value, op: "=", value: value.value }),
		);
		value.value = "";
	}

	async loadLabels() {
		const labels = await this.source.labels();
		this.parts.label.replaceChildren(...labels.map(option));
		if (labels.includes("comm")) this.parts.label.value = "comm";
		for (const select of this.parts.others) {
			const chosen = select.value;
			const missing = labels.includes(chosen) ? [] : [chosen];
			select.replaceChildren(
				...[...labels, ...missing].map(option),
			);
			select.value = chosen;
		}
	}

	async offerValues() {
		const label = this.parts.label.value;
		if (!label) return;
		const values = await this.source.values(label);
		if (this.parts.label.value === label)
			this.parts.values.replaceChildren(
				...values
					.slice(0, VALUES_OFFERED)
					.map((v) => element("option", { value: v })),
			);
	}

	/* Shows a selector; `error` is what the daemon says against it, "" for nothing. */
	show(match, error) {
		this.match = match;
		const { chips, selector, error: errorLine } = this.parts;
		if (
			document.activeElement !== selector ||
			selector.value.trim() === match ||
			!error
		)
			selector.value = match;
		selector.setAttribute("aria-invalid", String(Boolean(error)));
		errorLine.textContent = error;
		errorLine.hidden = !error;
		const matchers = parseSelector(match);
		chips.replaceChildren(
			...(matchers ?? []).map((m, i) =>
				this.chip(
					m,
					matchers.filter((other, k) => k !== i),
				),
			),
		);
		chips.hidden = !matchers?.length;
	}

	chip(matcher, others) {
		const { value } = matcher;
		const text = shownName(value, 60);
		return element(
			"li.chip",
			element(
				"span.chip-label",
				matcher.label + " " + OPERATOR_WORDS[matcher.op] + " ",
			),
			element(
				"span.chip-value",
				{ title: shownName(value, 400) },
				shownName(value, 40) || "(empty)",
			),
			element(
				"button",
				{
					"aria-label": `Remove filter ${matcher.label} ${text}`,
					onclick: () => this.onMatch(formatSelector(others)),
				},
				"×",
			),
		);
	}
}
