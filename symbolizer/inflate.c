/*
 * The size comes from the section's own header, so it is a claim: it is bounded before memory is
 * taken, and what comes out must be exactly as long.
 */
#include "symbolizer/inflate.h"

#include "profiler/base/cleanup.h"

#include <elf.h>
#include <errno.h>
#include <string.h>
#include <zlib.h>
#include <zstd.h>

#define OLD_HEADER_BYTES 12

#ifndef ELFCOMPRESS_ZSTD
#define ELFCOMPRESS_ZSTD 2
#endif

static int inflate_zlib(struct span in, uint8_t *out, size_t size)
{
	uLongf written = size;

	if (uncompress(out, &written, in.data, in.size) != Z_OK || written != size)
		return -EBADMSG;
	return 0;
}

static int inflate_zstd(struct span in, uint8_t *out, size_t size)
{
	size_t written = ZSTD_decompress(out, size, in.data, in.size);

	return ZSTD_isError(written) || written != size ? -EBADMSG : 0;
}

static int read_header(const struct elf_image *image, struct span *bytes, Elf64_Chdr *ret)
{
	size_t header = image->is_64 ? sizeof(Elf64_Chdr) : sizeof(Elf32_Chdr);
	Elf32_Chdr small;

	if (bytes->size < header)
		return -EBADMSG;
	if (image->is_64) {
		memcpy(ret, bytes->data, sizeof(*ret));
	} else {
		memcpy(&small, bytes->data, sizeof(small));
		*ret = (Elf64_Chdr){.ch_type = small.ch_type, .ch_size = small.ch_size};
	}
	bytes->data += header;
	bytes->size -= header;
	return 0;
}

/* "ZLIB", then the size as eight bytes, the highest first. */
static int read_old_header(struct span *bytes, Elf64_Chdr *ret)
{
	if (bytes->size < OLD_HEADER_BYTES || memcmp(bytes->data, "ZLIB", 4) != 0)
		return -EBADMSG;
	*ret = (Elf64_Chdr){.ch_type = ELFCOMPRESS_ZLIB};
	for (size_t i = 4; i < OLD_HEADER_BYTES; i++)
		ret->ch_size = ret->ch_size << 8 | bytes->data[i];
	bytes->data += OLD_HEADER_BYTES;
	bytes->size -= OLD_HEADER_BYTES;
	return 0;
}

static int read_any_header(const struct elf_image *image, const struct elf_section *section,
			   struct span *ret_bytes, Elf64_Chdr *ret)
{
	int r;

	*ret_bytes = elf_image_bytes(image, section);
	r = section->flags & SHF_COMPRESSED ? read_header(image, ret_bytes, ret)
					    : read_old_header(ret_bytes, ret);
	if (r == 0 && ret->ch_type != ELFCOMPRESS_ZLIB && ret->ch_type != ELFCOMPRESS_ZSTD)
		return -EOPNOTSUPP;
	return r;
}

int inflate_size(const struct elf_image *image, const struct elf_section *section,
		 uint64_t *ret_bytes)
{
	struct span bytes;
	Elf64_Chdr header;
	int r = read_any_header(image, section, &bytes, &header);

	if (r == 0)
		*ret_bytes = header.ch_size;
	return r;
}

int inflate_into(const struct elf_image *image, const struct elf_section *section, uint8_t *out)
{
	struct span bytes;
	Elf64_Chdr header;
	int r = read_any_header(image, section, &bytes, &header);

	if (r < 0)
		return r;
	return header.ch_type == ELFCOMPRESS_ZLIB ? inflate_zlib(bytes, out, header.ch_size)
						  : inflate_zstd(bytes, out, header.ch_size);
}

int inflate_section(const struct elf_image *image, const struct elf_section *section,
		    size_t bytes_max, uint8_t **ret, size_t *ret_size)
{
	_cleanup_free_ uint8_t *out = NULL;
	uint64_t bytes = 0;
	int r = inflate_size(image, section, &bytes);

	if (r < 0)
		return r;
	if (bytes > bytes_max)
		return -EFBIG;
	out = malloc(bytes ? bytes : 1);
	if (!out)
		return -ENOMEM;
	r = inflate_into(image, section, out);
	if (r < 0)
		return r;
	*ret_size = bytes;
	*ret = steal_ptr(out);
	return 0;
}
