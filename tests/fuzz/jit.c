/*
 * A perf map or a jitdump of any bytes, which grows while it is read: the first byte says which,
 * the second where it is cut at first. Both ways to the whole file must come to the same names.
 */
#include "symbolizer/source_jit.h"

#include "profiler/base/cleanup.h"

#include <string.h>
#include <sys/mman.h>

#undef NDEBUG /* the checks are what it is for */
#include <assert.h>

#define HEAD 2

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

static int file_of(const uint8_t *data, size_t len)
{
	int fd = memfd_create("jit", MFD_CLOEXEC);

	if (fd >= 0 && write(fd, data, len) == (ssize_t)len)
		return fd;
	if (fd >= 0)
		close(fd);
	return -1;
}

static void same_name(const struct source_jit *a, const struct source_jit *b, uint64_t address,
		      uint64_t time_ns)
{
	struct jit_place of_a = source_jit_name(a, address, time_ns);
	struct jit_place of_b = source_jit_name(b, address, time_ns);

	assert(!of_a.name == !of_b.name && !of_a.file == !of_b.file && of_a.line == of_b.line);
	assert(of_a.name || !of_a.file);
	assert(of_a.file || !of_a.line);
	assert(!of_a.name ||
	       (!strcmp(of_a.name, of_b.name) && strlen(of_a.name) <= JIT_NAME_BYTES_MAX));
	assert(!of_a.file || !strcmp(of_a.file, of_b.file));
}

/* At what looks like an address in the input, and beside it. */
static void same_names(const struct source_jit *a, const struct source_jit *b, const uint8_t *data,
		       size_t len)
{
	for (size_t i = 0; i + 8 <= len && i < 512; i++) {
		uint64_t address;

		memcpy(&address, data + i, sizeof(address));
		same_name(a, b, address, UINT64_MAX);
		same_name(a, b, address, i);
	}
	for (uint64_t address = 0; address < 0x4000; address += 0x80)
		same_name(a, b, address, UINT64_MAX);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	enum source_jit_kind kind;
	struct source_jit at_once, in_two;
	_cleanup_close_ int fd = -1;
	size_t cut;
	int r, s;

	if (len < HEAD)
		return 0;
	kind = data[0] & 1 ? SOURCE_JIT_DUMP : SOURCE_JIT_MAP;
	cut = (len - HEAD) * data[1] / 255;
	data += HEAD;
	len -= HEAD;
	fd = file_of(data, cut);
	if (fd < 0)
		return 0;
	source_jit_init(&at_once);
	source_jit_init(&in_two);
	source_jit_read(&in_two, kind, fd, false, 0, NULL);
	if (write(fd, data + cut, len - cut) == (ssize_t)(len - cut)) {
		s = source_jit_read(&in_two, kind, fd, false, 0, NULL);
		r = source_jit_read(&at_once, kind, fd, true, 0, NULL);
		assert(r <= 0 && s <= 0 && (s < 0) <= (r < 0));
		same_names(&at_once, &in_two, data, len);
	}
	source_jit_done(&at_once);
	source_jit_done(&in_two);
	return 0;
}
