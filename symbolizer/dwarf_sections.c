/* Sections by name; dwarf_sections.h is the contract. */
#include "symbolizer/dwarf_sections.h"

#include "symbolizer/inflate.h"

#include <elf.h>
#include <stdio.h>
#include <stdlib.h>

static const char *const names[DWARF_SECTION_COUNT] = {
	[DWARF_INFO] = ".debug_info",
	[DWARF_ABBREV] = ".debug_abbrev",
	[DWARF_STR] = ".debug_str",
	[DWARF_LINE] = ".debug_line",
	[DWARF_LINE_STR] = ".debug_line_str",
	[DWARF_RANGES] = ".debug_ranges",
	[DWARF_RNGLISTS] = ".debug_rnglists",
	[DWARF_ADDR] = ".debug_addr",
	[DWARF_STR_OFFSETS] = ".debug_str_offsets",
	[DWARF_ARANGES] = ".debug_aranges",
};

/* By its name, or as .zdebug_..., which is compressed in GNU's older way. */
static const struct elf_section *find(const struct elf_image *image, const char *name,
				      bool *ret_old)
{
	const struct elf_section *section = elf_image_section(image, name);
	char old[ELF_SECTION_NAME_BYTES + 1];

	*ret_old = false;
	if (section)
		return section;
	snprintf(old, sizeof(old), ".z%s", name + 1);
	*ret_old = true;
	return elf_image_section(image, old);
}

bool dwarf_sections_there(const struct elf_image *image)
{
	bool ignored;

	return elf_image_bytes(image, find(image, names[DWARF_INFO], &ignored)).size > 0;
}

int dwarf_sections_open(struct dwarf_sections *s, const struct elf_image *image, bool split,
			size_t bytes_max)
{
	*s = (struct dwarf_sections){};
	for (int i = 0; i < DWARF_SECTION_COUNT; i++) {
		const struct elf_section *section;
		char name[ELF_SECTION_NAME_BYTES];
		bool is_old;
		size_t size;
		int r;

		snprintf(name, sizeof(name), "%s%s", names[i], split ? ".dwo" : "");
		section = find(image, name, &is_old);
		if (!section)
			continue;
		if (!(section->flags & SHF_COMPRESSED) && !is_old) {
			s->v[i] = elf_image_bytes(image, section);
			continue;
		}
		r = inflate_section(image, section, bytes_max - s->inflated_bytes, &s->inflated[i],
				    &size);
		if (r < 0)
			return r;
		s->inflated_bytes += size;
		s->v[i] = (struct span){.data = s->inflated[i], .size = size};
	}
	return 0;
}

void dwarf_sections_done(struct dwarf_sections *s)
{
	for (int i = 0; i < DWARF_SECTION_COUNT; i++)
		free(s->inflated[i]);
	*s = (struct dwarf_sections){};
}
