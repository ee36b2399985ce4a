/* Compressed sections: both headers, and claims that do not hold. */
#include "symbolizer/inflate.h"

#include <elf.h>
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

#include <cmocka.h>

#define TEXT_BYTES 1000
#define NEW_AT	   sizeof(Elf64_Chdr)
#define OLD_AT	   12

static uint8_t text[TEXT_BYTES];
static uint8_t bytes[2 * TEXT_BYTES];

/* The text, compressed, behind head_bytes of which the header is still to be written. */
static size_t pack(size_t head_bytes)
{
	uLongf size = sizeof(bytes) - head_bytes;

	for (size_t i = 0; i < sizeof(text); i++)
		text[i] = (uint8_t)(i / 10);
	memset(bytes, 0, sizeof(bytes));
	assert_int_equal(compress(bytes + head_bytes, &size, text, sizeof(text)), Z_OK);
	return head_bytes + size;
}

static size_t pack_new(uint32_t type, uint64_t claim)
{
	const Elf64_Chdr header = {.ch_type = type, .ch_size = claim};
	size_t len = pack(NEW_AT);

	memcpy(bytes, &header, sizeof(header));
	return len;
}

static size_t pack_old(uint64_t claim)
{
	size_t len = pack(OLD_AT);

	memcpy(bytes, "ZLIB", 4);
	for (size_t i = 0; i < 8; i++)
		bytes[4 + i] = (uint8_t)(claim >> (56 - 8 * i));
	return len;
}

static int inflate_it(size_t len, uint64_t flags, size_t bytes_max)
{
	const struct elf_image image = {.data = bytes, .size = len, .is_64 = true};
	const struct elf_section section = {.type = SHT_PROGBITS, .flags = flags, .size = len};
	uint8_t *out = NULL;
	size_t size = 0;
	int r = inflate_section(&image, &section, bytes_max, &out, &size);

	if (r == 0) {
		assert_int_equal(size, sizeof(text));
		assert_memory_equal(out, text, sizeof(text));
	} else {
		assert_null(out);
	}
	free(out);
	return r;
}

static void both_kinds_come_out_as_they_went_in(void **state)
{
	(void)state;
	assert_int_equal(inflate_it(pack_new(ELFCOMPRESS_ZLIB, TEXT_BYTES), SHF_COMPRESSED, 4096),
			 0);
	assert_int_equal(inflate_it(pack_old(TEXT_BYTES), 0, 4096), 0);
}

static void a_size_is_a_claim(void **state)
{
	static const uint64_t wrong[] = {0, TEXT_BYTES - 1, TEXT_BYTES + 1};

	(void)state;
	for (size_t i = 0; i < sizeof(wrong) / sizeof(*wrong); i++) {
		size_t len = pack_new(ELFCOMPRESS_ZLIB, wrong[i]);

		assert_int_equal(inflate_it(len, SHF_COMPRESSED, 4096), -EBADMSG);
		len = pack_old(wrong[i]);
		assert_int_equal(inflate_it(len, 0, 4096), -EBADMSG);
	}
	assert_int_equal(inflate_it(pack_new(ELFCOMPRESS_ZLIB, 1ull << 60), SHF_COMPRESSED, 4096),
			 -EFBIG);
	assert_int_equal(inflate_it(pack_old(UINT64_MAX), 0, 4096), -EFBIG);
	assert_int_equal(inflate_it(pack_old(TEXT_BYTES), 0, TEXT_BYTES - 1), -EFBIG);
}

static void other_headers_are_refused(void **state)
{
	size_t len = pack_new(77, TEXT_BYTES);

	(void)state;
	assert_int_equal(inflate_it(len, SHF_COMPRESSED, 4096), -EOPNOTSUPP);
	len = pack_old(TEXT_BYTES);
	bytes[0] = 'z';
	assert_int_equal(inflate_it(len, 0, 4096), -EBADMSG);
}

static void cut_sections_are_corrupt(void **state)
{
	size_t len = pack_new(ELFCOMPRESS_ZLIB, TEXT_BYTES);

	(void)state;
	for (size_t cut = 0; cut < len; cut += 3)
		assert_int_equal(inflate_it(cut, SHF_COMPRESSED, 4096), -EBADMSG);
	len = pack_old(TEXT_BYTES);
	for (size_t cut = 0; cut < len; cut += 3)
		assert_int_equal(inflate_it(cut, 0, 4096), -EBADMSG);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(both_kinds_come_out_as_they_went_in),
		cmocka_unit_test(a_size_is_a_claim),
		cmocka_unit_test(other_headers_are_refused),
		cmocka_unit_test(cut_sections_are_corrupt),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
