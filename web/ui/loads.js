/* Requests under way, by kind: a newer one ends the older, whose answer is for nobody any more. */

export class Loads {
	/* onChange(idle): something has begun, or was told to have ended. */
	constructor(onChange) {
		this.running = {};
		this.onChange = onChange;
	}

	get idle() {
		return Object.keys(this.running).length === 0;
	}

	/* Runs work(signal): {value}, {error}, or {aborted: true} when a newer one came. */
	async run(kind, work) {
		this.running[kind]?.abort();
		const controller = (this.running[kind] = new AbortController());
		this.onChange(false);
		try {
			return { value: await work(controller.signal) };
		} catch (error) {
			return controller.signal.aborted ? { aborted: true } : { error };
		} finally {
			if (this.running[kind] === controller) delete this.running[kind];
		}
	}
}
