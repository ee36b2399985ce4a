/*
 * Fuzzer of Go's table of functions. The input is the table, behind four bytes that choose where it
 * is asked; what is behind the table's middle stands for the inline tree.
 */
#include <stdlib.h>
#include <string.h>

#include "symbolizer/go_table.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

#define TEXT	  0x401000u
#define QUESTIONS 8

static void must(bool holds)
{
	if (!holds)
		abort();
}

static void check_name(const struct go_table *t, int32_t name)
{
	const char *s;
	ptrdiff_t len = go_table_name(t, name, &s);

	must(len < 0 || strlen(s) == (size_t)len);
}

static void check_file(const struct go_table *t, const struct go_function *f, int32_t file)
{
	const char *s;
	ptrdiff_t len = go_table_file(t, f, file, &s);

	must(len < 0 || strlen(s) == (size_t)len);
}

static void ask(const struct go_table *t, struct span tree, uint64_t address)
{
	struct go_inlined call;
	struct go_function f;
	int32_t value;

	if (!go_table_find(t, address, &f))
		return;
	must(address >= f.entry && address < f.end);
	check_name(t, f.name);
	if (go_table_value(t, &f, f.files, address, &value))
		check_file(t, &f, value);
	go_table_value(t, &f, f.lines, address, &value);
	if (go_table_value(t, &f, f.inlined, address, &value) &&
	    go_table_inlined(t, tree, value, &call))
		check_name(t, call.name);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	struct go_header h;
	uint32_t step;

	if (len < 4)
		return 0;
	memcpy(&step, data, 4);
	data += 4;
	len -= 4;
	if (!go_header_parse((struct span){data, len}, &h))
		return 0;
	if (h.table.version != GO_1_16)
		h.table.text = TEXT;
	for (uint64_t i = 0; i < QUESTIONS; i++)
		ask(&h.table, (struct span){data + len / 2, len - len / 2}, TEXT + i * step);
	return 0;
}
