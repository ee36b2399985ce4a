/* The links of the menu of downloads. */
import { apiUrl, profileUrl, rangeParams } from "./api.js";
import { all, byId } from "./dom.js";

/* Only HTML has the comparison as well; the other formats are of the range itself. */
export function showDownloads({ state, offers }, range, base) {
	const { match, by } = state;
	for (const link of all("#downloads [data-format]")) {
		const { format } = link.dataset;
		link.href =
			format === "html" && base
				? profileUrl(range, match, by, base, format)
				: apiUrl("profile", { ...rangeParams(range, match), format });
		if (format === "speedscope") showSpeedscope(link, offers);
	}
}

/*
 * Speedscope asks the daemon for the range itself; nothing is sent before somebody clicks. It has
 * no token: where one is needed the click saves the file, which is then to be dropped there.
 */
function showSpeedscope(saved, { speedscope, token }) {
	const link = byId("open-speedscope");
	link.hidden = !speedscope;
	link.href = speedscope + (token ? "" : "#profileURL=" + encodeURIComponent(saved.href));
	link.onclick = token ? () => saved.click() : null;
	all("small", link)[0].textContent = token
		? "saves the file: drop it there"
		: "in another tab";
}
