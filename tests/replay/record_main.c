/*
 * usage: replay_record PID[/TID] [FILE]
 *
 * Stops the thread, and writes it as a case with what the walk finds: replay_golden replays it, as
 * long as the files that it was running are the same.
 */
#include "tests/replay/check.h"
#include "tests/replay/record.h"

#include <stdlib.h>
#include <string.h>

static int record(pid_t pid, pid_t tid, FILE *to)
{
	static struct replay_stack found;
	struct replay_kernel k;
	struct replay_case c;
	int r = replay_kernel_init(&k);

	replay_case_init(&c);
	if (r == 0)
		r = record_stop(tid);
	if (r == 0) {
		r = record_case(pid, tid, &k, &c, &found);
		record_resume(tid);
	}
	if (r == 0)
		r = replay_expect(&c, &k, &found);
	if (r == 0)
		replay_case_write(&c, to);
	replay_case_done(&c);
	replay_kernel_done(&k);
	return r;
}

int main(int argc, char **argv)
{
	pid_t pid = argc > 1 ? atoi(argv[1]) : 0;
	const char *slash = pid > 0 ? strchr(argv[1], '/') : NULL;
	FILE *to = argc > 2 ? fopen(argv[2], "we") : stdout;
	int r;

	if (pid <= 0 || !to || argc > 3) {
		fprintf(stderr, "usage: replay_record PID[/TID] [FILE]\n");
		return 2;
	}
	r = record(pid, slash ? atoi(slash + 1) : pid, to);
	if (fclose(to) != 0)
		r = -1;
	if (r < 0)
		fprintf(stderr, "replay_record: %s\n", strerror(-r));
	return r < 0;
}
