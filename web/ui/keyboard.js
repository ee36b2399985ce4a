/* Keys of the whole page, and the menus that a key or a click elsewhere closes. */
import { all, byId, on } from "./dom.js";

const openMenu = () => all("details.menu[open]")[0];

/*
 * actionOf(key): what a key does, null for nothing; not asked while somebody types.
 * onEscape(field): when no menu was open to be closed; field is what is typed in, or null. onAny:
 * at every key.
 */
export function listenForKeys(actionOf, onEscape, onAny) {
	on(document, "keydown", (e) => {
		onAny();
		if (e.ctrlKey || e.metaKey || e.altKey || byId("help").open) return;
		const field = e.target.matches("input, select, textarea") ? e.target : null;
		if (e.key === "Escape") {
			const menu = openMenu();
			if (menu) menu.open = false;
			else onEscape(field);
			return;
		}
		const action = field ? null : actionOf(e.key);
		if (!action) return;
		e.preventDefault();
		action();
	});
}

export function closeMenusOutside() {
	on(document, "pointerdown", (e) => {
		const menu = openMenu();
		if (menu && !menu.contains(e.target)) menu.open = false;
	});
}
