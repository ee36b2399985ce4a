/* The first words of a worker, or why there are none; see jail.h. */
#include "profiler/base/wire.h"
#include "profiler/jail/jail.h"
#include "profiler/jail/protocol.h"

#include <errno.h>
#include <string.h>

#define HELLO_MS 5000

int jail_receive_hello(const struct jail_worker *w, uint32_t *ret_bits, struct err *err)
{
	const char *role = jail_role_name(w->role);
	char sentence[PROTOCOL_SENTENCE_MAX + 1];
	struct wire_msg m;
	int error = 0;
	int r = wire_receive(w->sock, &m, HELLO_MS);

	if (r <= 0)
		return err_set(err, r < 0 ? r : -EPIPE, "the %s worker did not start: %s", role,
			       r < 0 ? strerror(-r) : "it ended at once");
	r = -EBADMSG;
	if (m.type == PROTOCOL_HELLO && !m.n_fds)
		r = protocol_u32_parse(m.body.data, m.body.len, ret_bits);
	else if (m.type == PROTOCOL_FAILED)
		r = protocol_failed_parse(m.body.data, m.body.len, &error, sentence);
	wire_msg_done(&m);
	if (r < 0)
		return err_set(err, r, "the %s worker began with something else than its jail",
			       role);
	if (error)
		return err_set(err, error, "the %s worker did not start: %s", role, sentence);
	return 0;
}
