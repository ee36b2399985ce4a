/*
 * From the ring buffer to typed callbacks: every record's lengths are checked, its parts are
 * pointed at.
 *
 * The pointers live for the call. Not thread-safe.
 */
#pragma once

#include "bpf/abi.h"
#include "bpf/registers.h"

#include <stddef.h>
#include <stdint.h>

#define EVENTS_PATH_BYTES (ABI_PATH_BYTES + 2)

struct events_handlers {
	void (*sample)(void *ctx, const struct abi_sample *s, const uint64_t *kernel,
		       const struct abi_frame *user, const struct abi_object_ref *objects);
	void (*object)(void *ctx, const struct abi_object *o, const char *path);
	void (*cgroup)(void *ctx, const struct abi_cgroup *c, const char *path);
};

/*
 * The registers of a whole sample that was handed on, its stack_bytes of stack right behind them.
 * NULL: it has none. They live as long as the record, and are of any alignment to 8 bytes.
 */
const struct arch_regs *events_registers(const struct abi_sample *s);

struct events;

int events_open(int ring_fd, const struct events_handlers *handlers, void *ctx,
		struct events **ret);
struct events *events_close(struct events *e);

int events_fd(const struct events *e); /* readable when the kernel side asks for haste */
int events_consume(
	struct events *e); /* everything that is there; how many records, or negative errno */
uint64_t events_malformed(
	const struct events *e); /* records that were not what they said: our own bug, counted */

/*
 * One record, checked and handed on: what events_consume() does with each. -EBADMSG when it is
 * malformed. Pure but for the handlers.
 */
int events_dispatch(const void *record, size_t bytes, const struct events_handlers *handlers,
		    void *ctx);

/*
 * Components, leaf first, each ended by NUL, to "/a/b/c"; "/" for none. Cut at the front when it
 * does not fit.
 */
void events_path(const char *components, size_t bytes, char ret[EVENTS_PATH_BYTES]);
