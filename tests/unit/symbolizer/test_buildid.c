/* Build ids in notes, whole and corrupt. */
#include "symbolizer/buildid.h"

#include <elf.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

struct notes {
	uint8_t bytes[256];
	size_t len;
};

static void put(struct notes *n, uint32_t name_bytes, uint32_t desc_bytes, uint32_t type,
		const char *name, const char *desc, size_t align)
{
	uint32_t head[3] = {name_bytes, desc_bytes, type};

	memcpy(n->bytes + n->len, head, sizeof(head));
	n->len += sizeof(head);
	memcpy(n->bytes + n->len, name, strlen(name) + 1);
	n->len = (n->len + strlen(name) + 1 + align - 1) & ~(align - 1);
	memcpy(n->bytes + n->len, desc, strlen(desc));
	n->len = (n->len + strlen(desc) + align - 1) & ~(align - 1);
}

static size_t parse(const struct notes *n, size_t align, char *ret)
{
	uint8_t id[20] = {};
	size_t got = buildid_parse(n->bytes, n->len, align, id, sizeof(id));

	memcpy(ret, id, sizeof(id));
	ret[got] = '\0';
	return got;
}

static void the_build_id_is_found_behind_other_notes(void **state)
{
	struct notes n = {};
	char id[21];

	(void)state;
	put(&n, 4, 16, NT_GNU_ABI_TAG, "GNU", "0123456789abcdef", 4);
	put(&n, 6, 3, NT_GNU_BUILD_ID, "Other", "abc", 4);
	put(&n, 4, 5, NT_GNU_BUILD_ID, "GNU", "right", 4);
	assert_int_equal(parse(&n, 4, id), 5);
	assert_string_equal(id, "right");
}

static void notes_may_be_aligned_to_8(void **state)
{
	struct notes n = {};
	char id[21];

	(void)state;
	put(&n, 4, 4, NT_GNU_PROPERTY_TYPE_0, "GNU", "abcd", 8);
	put(&n, 4, 5, NT_GNU_BUILD_ID, "GNU", "right", 8);
	assert_int_equal(parse(&n, 8, id), 5);
	assert_string_equal(id, "right");
}

static size_t parse_go(const char *text, char *ret)
{
	uint8_t id[20] = {};
	struct notes n = {};
	size_t got;

	put(&n, 4, 5, NT_GNU_BUILD_ID, "GNU", "other", 4);
	put(&n, 4, (uint32_t)strlen(text), 4, "Go", text, 4);
	got = buildid_parse_go(n.bytes, n.len, 4, id, sizeof(id));
	memcpy(ret, id, sizeof(id));
	ret[got] = '\0';
	return got;
}

static void of_go_s_build_id_the_content_is_taken(void **state)
{
	char id[21];

	(void)state;
	assert_int_equal(parse_go("action/main_action/main/content", id), 7);
	assert_string_equal(id, "content");
	assert_int_equal(parse_go("redacted", id), 8);
	assert_string_equal(id, "redacted");
	assert_int_equal(parse_go("a/b/", id), 0);
	assert_int_equal(parse_go("", id), 0);
	assert_int_equal(parse_go("a/b/more_than_twenty_bytes", id), 0);
}

static void corrupt_notes_have_no_build_id(void **state)
{
	static const struct {
		uint32_t name_bytes, desc_bytes;
		const char *name;
	} cases[] = {
		{4, 0, "GNU"},		{4, 21, "GNU"}, {4, 0xffffffff, "GNU"},
		{0xffffffff, 5, "GNU"}, {0, 5, "GNU"},	{0xfffffff0, 0xfffffff0, "GNU"},
		{4, 5, "GNX"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct notes n = {};
		char id[21];

		put(&n, cases[i].name_bytes, cases[i].desc_bytes, NT_GNU_BUILD_ID, cases[i].name,
		    "wrong, and longer than any id", 4);
		assert_int_equal(parse(&n, 4, id), 0);
	}
}

static void a_cut_note_has_no_build_id(void **state)
{
	struct notes n = {};
	char id[21];

	(void)state;
	put(&n, 4, 5, NT_GNU_BUILD_ID, "GNU", "right", 4);
	for (n.len = 0; n.len < 12 + 4 + 5; n.len++)
		assert_int_equal(parse(&n, 4, id), 0);
	assert_int_equal(parse(&n, 4, id), 5);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_build_id_is_found_behind_other_notes),
		cmocka_unit_test(notes_may_be_aligned_to_8),
		cmocka_unit_test(of_go_s_build_id_the_content_is_taken),
		cmocka_unit_test(corrupt_notes_have_no_build_id),
		cmocka_unit_test(a_cut_note_has_no_build_id),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
