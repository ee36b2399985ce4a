/*
 * Which objects make a profile poor: whose functions have no names, and where stacks end early; and
 * what mends it. Pure, no DOM.
 */

const LISTED_MAX = 6;
const NAMELESS = /\+0x[0-9a-f]+$|^\[jit\]$|^$/;

/* [{object, samples: that ran in it, nameless: of these without a name}] worst first. */
export function namelessObjects(tree) {
	const objects = new Map();
	for (let f = 0; f < tree.frameCount; f++) {
		const own = tree.selfOf[f];
		const object = tree.frames.object[f];
		if (!own || !object) continue;
		const of = objects.get(object) ?? {
			object: tree.strings[object],
			samples: 0,
			nameless: 0,
		};
		of.samples += own;
		if (NAMELESS.test(tree.strings[tree.frames.name[f]]))
			of.nameless += own;
		objects.set(object, of);
	}
	return [...objects.values()]
		.filter((o) => o.nameless)
		.sort((a, b) => b.nameless - a.nameless)
		.slice(0, LISTED_MAX);
}

/* What gives an object names. */
export function nameAdvice(object) {
	if (!object.startsWith("/"))
		return "The program's run time has to write a map of its code.";
	return "Install its debug symbols (-dbgsym, -debuginfo), or do not strip it.";
}

/*
 * [{object, incomplete, all, reasons: [[reason, samples]], places: [{where, count}]}] of a status,
 * worst first; places are where most of its walks ended.
 */
export function brokenObjects(status) {
	const objects = status.unwind?.objects ?? [];
	return objects
		.filter((o) => o.incomplete > 0)
		.sort((a, b) => b.incomplete - a.incomplete)
		.slice(0, LISTED_MAX)
		.map((o) => ({
			object: String(o.object),
			incomplete: o.incomplete,
			all: o.incomplete + o.complete,
			reasons: Object.entries(o.reasons ?? {}).sort((a, b) => b[1] - a[1]),
			places: (o.places ?? [])
				.filter((p) => p.offset)
				.map((p) => ({ where: `${p.object}+${p.offset}`, count: p.count })),
		}));
}
