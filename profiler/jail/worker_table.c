/* A file comes as a descriptor, is mapped and compiled, and its table goes back. */
#include "profiler/jail/worker_table.h"

#include "profiler/base/quantity.h"
#include "profiler/jail/jail.h"
#include "profiler/jail/protocol.h"
#include "profiler/jail/protocol_table.h"
#include "profiler/jail/worker_want.h"
#include "symbolizer/debug_file.h"
#include "symbolizer/guard.h"
#include "symbolizer/source_vdso.h"

#include <errno.h>
#include <string.h>
#include <sys/stat.h>

#define SEND_MS	       10000
#define FILE_BYTES_MAX (4ull << 30) /* offsets of a table are of 32 bits */

static int map(int fd, struct guard *g, struct err *err)
{
	struct stat st;
	int r;

	if (fstat(fd, &st) < 0)
		return err_set(err, -errno, "the file cannot be examined: %s", strerror(errno));
	if (!S_ISREG(st.st_mode))
		return err_set(err, -EBADMSG, "not a regular file");
	if (st.st_size == 0)
		return err_set(err, -EBADMSG, "not an ELF file");
	if ((uint64_t)st.st_size > FILE_BYTES_MAX)
		return err_set(err, -EFBIG, "a file of %lld bytes is not read",
			       (long long)st.st_size);
	r = guard_map(g, fd, (size_t)st.st_size);
	if (r < 0)
		return err_set(err, r, "the file cannot be mapped: %s", strerror(-r));
	return 0;
}

static int open_wanted(void *ctx, uint32_t module, const struct sym_want *want)
{
	(void)module; /* of the request that is being answered */
	return worker_want(ctx, want);
}

/* The separate debug file of the one under g, or nothing: most have none. Entered, where it is. */
static void open_debug(const struct guard *g, struct worker_wants *wants, struct elf_image *ret)
{
	const struct file_opener opener = {.open = open_wanted, .ctx = wants};
	struct debug_files files = {};
	struct elf_image image;

	*ret = (struct elf_image){};
	if (elf_image_borrow(&image, g->data, g->size, NULL) < 0)
		return;
	debug_files_seek(&files, &image, &opener);
	elf_image_done(&files.alt); /* has no frames */
	*ret = files.debug;
	if (ret->data)
		guard_enter(&ret->guard);
	elf_image_done(&image);
}

static void close_debug(struct elf_image *debug)
{
	if (!debug->data)
		return;
	guard_leave(&debug->guard);
	elf_image_done(debug);
}

static void read_build_id(const struct unwind_input *in, struct protocol_table *t)
{
	struct elf_image image = {};

	if (elf_image_borrow(&image, in->data, in->bytes, NULL) < 0)
		return;
	t->build_id_bytes = (uint8_t)elf_image_build_id(&image, t->build_id, sizeof(t->build_id));
	elf_image_done(&image);
}

static int compile(const struct unwind_input *in, uint32_t ask, struct protocol_table *t,
		   struct err *err)
{
	uint64_t start_ns = quantity_monotonic_ns();
	int r = unwind_compile(in, &t->table, err);

	t->compile_ns = quantity_monotonic_ns() - start_ns;
	t->judged = ask & PROTOCOL_TABLE_VERIFY;
	if (r == 0 && t->judged)
		r = unwind_verify(in, &t->table, &t->verdict, err);
	if (r == 0)
		read_build_id(in, t);
	return r;
}

static int of_file(const struct disassembler *d, int fd, uint32_t ask, struct worker_wants *wants,
		   struct protocol_table *t, struct err *err)
{
	struct unwind_input in = {.disassembler = d};
	struct elf_image debug = {};
	struct guard g = {};
	int r = map(fd, &g, err);

	if (r < 0)
		return r;
	in.data = g.data;
	in.bytes = g.size;
	guard_enter(&g);
	if (ask & PROTOCOL_TABLE_DEBUG)
		open_debug(&g, wants, &debug);
	in.debug = debug.data;
	in.debug_bytes = debug.size;
	r = compile(&in, ask, t, err);
	if (guard_broken(&g) || guard_broken(&debug.guard))
		r = err_set(err, -EIO, "the file was truncated while it was read");
	close_debug(&debug);
	guard_leave(&g);
	guard_unmap(&g);
	return r;
}

static int of_vdso(uint32_t ask, struct protocol_table *t, struct err *err)
{
	struct elf_image image = {};
	struct unwind_input in = {};
	int r = vdso_open(&image, err);

	if (r < 0)
		return r;
	in.data = image.data;
	in.bytes = image.size;
	r = compile(&in, ask, t, err);
	elf_image_done(&image);
	return r;
}

/* fd -1: the vdso's. */
static int make(const struct disassembler *d, int fd, uint32_t ask, struct worker_wants *wants,
		struct buf *body, struct err *err)
{
	struct protocol_table t = {};
	int r = fd < 0 ? of_vdso(ask, &t, err) : of_file(d, fd, ask, wants, &t, err);

	if (r == 0) {
		r = protocol_table_write(body, &t);
		if (r == -EFBIG)
			r = err_set(err, r, "its table is larger than a message");
	}
	protocol_table_done(&t);
	return r;
}

int worker_table(const struct disassembler *d, const struct wire_msg *m)
{
	struct worker_wants wants;
	struct err err = {};
	struct wire_msg out;
	uint32_t ask;
	int r = protocol_u32_parse(m->body.data, m->body.len, &ask);

	if (r < 0 || m->n_fds > 1)
		return -EBADMSG;
	wire_msg_init(&out, PROTOCOL_TABLE, m->id);
	worker_wants_begin(&wants, m->id);
	r = make(d, m->n_fds ? m->fds[0] : -1, ask, &wants, &out.body, &err);
	if (r < 0) {
		buf_clear(&out.body);
		out.type = PROTOCOL_FAILED;
		protocol_failed_write(&out.body, r, err.text[0] ? err.text : strerror(-r));
	}
	r = wants.lost ? -EPROTO : wire_send(JAIL_SOCK, &out, SEND_MS);
	wire_msg_done(&out);
	return r;
}
