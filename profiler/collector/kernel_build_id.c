/* The running kernel's build id; see kernel_build_id.h. */
#include "profiler/collector/kernel_build_id.h"

#include "profiler/base/buf.h"
#include "profiler/base/cleanup.h"

#include <fcntl.h>
#include <string.h>

#define NOTES_BYTES	4096
#define NT_GNU_BUILD_ID 3

static size_t padded(uint32_t n)
{
	return ((size_t)n + 3) & ~(size_t)3;
}

size_t kernel_build_id_parse(const void *notes, size_t bytes, uint8_t ret[ABI_BUILD_ID_MAX])
{
	struct cursor c = cursor_over(notes, bytes);

	while (cursor_left(&c) >= 12) {
		uint32_t name_bytes = cursor_u32(&c), desc_bytes = cursor_u32(&c),
			 type = cursor_u32(&c);
		const uint8_t *name = cursor_bytes(&c, padded(name_bytes));
		const uint8_t *desc = cursor_bytes(&c, padded(desc_bytes));

		if (c.err)
			return 0;
		if (type != NT_GNU_BUILD_ID || name_bytes != 4 || memcmp(name, "GNU", 4) != 0)
			continue;
		if (desc_bytes > ABI_BUILD_ID_MAX)
			return 0;
		memcpy(ret, desc, desc_bytes);
		return desc_bytes;
	}
	return 0;
}

size_t kernel_build_id_read(uint8_t ret[ABI_BUILD_ID_MAX])
{
	_cleanup_close_ int fd = open("/sys/kernel/notes", O_RDONLY | O_CLOEXEC);
	uint8_t notes[NOTES_BYTES];
	ssize_t n = fd < 0 ? -1 : read(fd, notes, sizeof(notes));

	return n > 0 ? kernel_build_id_parse(notes, (size_t)n, ret) : 0;
}
