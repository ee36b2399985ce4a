/* The signals that end `record` and `serve`, as a descriptor of their loops. */
#pragma once

/*
 * Block SIGINT, SIGTERM and SIGHUP in the calling thread, and in those that it starts, and give
 * the signalfd that tells of them: non-blocking, close-on-exec. Negative errno. Before the first
 * thread.
 */
int signals_open(void);
