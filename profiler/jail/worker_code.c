/* A file comes as a descriptor, and the code of one of its functions goes back as text. */
#include "profiler/jail/worker_code.h"

#include "profiler/jail/jail.h"
#include "profiler/jail/protocol_code.h"

#include <errno.h>
#include <string.h>

#define SEND_MS 10000

struct writing {
	struct buf *body;
	uint64_t start, offset; /* the first address and where it is in the file */
};

static int write_row(void *ctx, uint64_t address, size_t bytes, const char *text)
{
	struct writing *w = ctx;

	protocol_code_row(w->body, w->offset + (address - w->start), address, (uint8_t)bytes, text);
	return w->body->err;
}

static int check_build_id(const struct elf_image *image, const struct protocol_code *q,
			  struct err *err)
{
	uint8_t id[PROTOCOL_BUILD_ID_MAX];
	size_t n = elf_image_build_id(image, id, sizeof(id));

	if (n == 0 || n != q->build_id_bytes || memcmp(id, q->build_id, n))
		return err_set(err, -ESTALE, "Another file has taken its place.");
	return 0;
}

/* Addresses of the code that is asked for: the function's, else the range's own. */
static int find_range(const struct elf_image *image, const struct protocol_code *q,
		      uint64_t *ret_start, uint64_t *ret_end, struct err *err)
{
	uint64_t at;

	if (q->from >= image->size || !elf_image_address(image, q->from, &at) ||
	    !elf_image_is_code(image, at))
		return err_set(err, -ENOENT, "There is no code at this offset.");
	if (!disassemble_function(image, at, ret_start, ret_end)) {
		*ret_start = at;
		*ret_end = at + (q->until - q->from);
	}
	return 0;
}

static int write_code(const struct disassembler *d, const struct elf_image *image,
		      const struct protocol_code *q, struct buf *body, struct err *err)
{
	uint64_t start, end, at, offset;
	struct writing w = {.body = body};
	int r = find_range(image, q, &start, &end, err);

	if (r < 0)
		return r;
	elf_image_address(image, q->from, &at);
	if (at - start > q->from)
		return err_set(err, -EBADMSG, "Its function begins before the file.");
	offset = q->from - (at - start);
	if (end <= start || end - start > image->size - offset)
		end = start + (image->size - offset);
	w.start = start;
	w.offset = offset;
	return disassemble(d, image->machine, image->data + offset, end - start, start, write_row,
			   &w, err);
}

static int answer(const struct disassembler *d, int fd, const struct protocol_code *q,
		  struct buf *body, struct err *err)
{
	struct elf_image image = {};
	int r = elf_image_open(&image, fd, err);

	if (r < 0)
		return r;
	guard_enter(&image.guard);
	r = check_build_id(&image, q, err);
	if (r == 0)
		r = write_code(d, &image, q, body, err);
	if (guard_broken(&image.guard))
		r = err_set(err, -EIO, "The file was truncated while it was read.");
	guard_leave(&image.guard);
	elf_image_done(&image);
	return r;
}

int worker_code(const struct disassembler *d, const struct wire_msg *m)
{
	struct protocol_code q;
	struct err err = {};
	struct wire_msg out;
	int r = protocol_code_parse(m->body.data, m->body.len, &q);

	if (r < 0 || m->n_fds != 1)
		return -EBADMSG;
	wire_msg_init(&out, PROTOCOL_CODE, m->id);
	r = d ? answer(d, m->fds[0], &q, &out.body, &err)
	      : err_set(&err, -ENOENT, "libcapstone, which disassembles, is not installed");
	if (r < 0) {
		buf_clear(&out.body);
		out.type = PROTOCOL_FAILED;
		protocol_failed_write(&out.body, r, err.text[0] ? err.text : strerror(-r));
	}
	r = wire_send(JAIL_SOCK, &out, SEND_MS);
	wire_msg_done(&out);
	return r;
}
