/*
 * Messages between our own processes: over a connected AF_UNIX stream socket, each a header, a body
 * and up to WIRE_FDS_MAX file descriptors.
 *
 * The other side may have been taken over by what it parsed, so a receiver bounds everything: the
 * body by its own maximum, the descriptors by what it expects; what does not fit is -EBADMSG, and
 * the caller ends the peer. Bodies are written with buf_add_*() and read with a struct cursor.
 */
#pragma once

#include "profiler/base/buf.h"

#include <stdint.h>

#define WIRE_FDS_MAX  8
#define WIRE_BODY_MAX (16u << 20)

struct wire_msg {
	uint32_t type; /* of the protocol that is spoken */
	uint32_t id; /* answers carry the id of their request */
	struct buf body; /* received: owned by the caller, who calls wire_msg_done() */
	int fds[WIRE_FDS_MAX]; /* received: owned by the caller until stolen */
	unsigned int n_fds;
};

void wire_msg_init(struct wire_msg *m, uint32_t type, uint32_t id);
void wire_msg_done(struct wire_msg *m); /* frees the body and closes the descriptors left in fds */

/*
 * Send all of m; the descriptors stay the caller's. Blocks at most timeout_ms (-1 for ever).
 * 0, -EPIPE when the peer has gone, -ETIMEDOUT, or another negative errno.
 */
int wire_send(int sock, const struct wire_msg *m, int timeout_ms);

/*
 * Receive one message into *ret. 1 on a message, 0 on an orderly end, -ETIMEDOUT when none began
 * in time (asking again is fine), -EBADMSG on one past WIRE_BODY_MAX, with too many descriptors,
 * or begun and not finished in time (the stream is lost: end the peer), or another negative
 * errno. Received descriptors are close-on-exec.
 */
int wire_receive(int sock, struct wire_msg *ret, int timeout_ms);
