/*
 * The door: modules by number, and for each question the chain of sources, of which each adds
 * what it knows: debug information, then symbol tables. Files that turned out to be cut stay
 * errors until they are dropped.
 */
#include "symbolizer/symbolizer.h"

#include "profiler/base/cleanup.h"
#include "symbolizer/answer.h"
#include "symbolizer/debug_file.h"
#include "symbolizer/source_dwarf.h"
#include "symbolizer/source_go.h"
#include "symbolizer/source_kernel.h"
#include "symbolizer/source_symtab.h"
#include "symbolizer/source_vdso.h"

#include <errno.h>
#include <string.h>
#include <sys/resource.h>

#define INDEX_BYTES_DEFAULT (96u << 20)
/*
 * Pages of files stay in our memory once touched. After so many page faults, each of which maps
 * up to 64 KiB, they are given back to the page cache, which has them still; at half of it the
 * large program of bench_symbolize.py takes a fifth more of CPU. Asked every few questions, for
 * asking is a system call.
 */
#define RELEASE_FAULTS	  1024
#define RELEASE_QUESTIONS 32
/*
 * Indexes are dropped when another file is asked about, or after so many questions: one that is
 * larger than all may take is not made again for each.
 */
#define TRIM_QUESTIONS 256
/* The collector numbers at most ABI_OBJECTS_MAX files; kernel modules come on top. */
#define SYM_MODULES_MAX 65536

enum module_kind {
	MODULE_FREE,
	MODULE_ELF,
	MODULE_KERNEL,
};

struct sym_module {
	enum module_kind kind;
	bool broken; /* its file was truncated: nothing of it is left */
	bool by_offset; /* offsets are positions in the file, otherwise virtual addresses already */
	struct elf_image image;
	struct debug_files files; /* in which more of it stands */
	struct symtab symtab;
	struct source_dwarf dwarf;
	struct source_go go;
	bool touched; /* its pages may be in our memory */
	struct sym_module *next_touched;
	uint32_t owner; /* of the kernel's: who in kernel_names */
	uint64_t base;
};

struct symbolizer {
	bool no_dwarf;
	sym_open open;
	void *open_ctx;
	struct budget budget;
	struct dwarf_rooms rooms;
	struct sym_module **modules; /* each at its own place: sources point into them */
	size_t n_modules;
	struct sym_module *touched;
	unsigned int questions;
	uint32_t last_module; /* that was asked about */
	long faults; /* of this thread, when pages were last given back */
	struct kernel_names kernel;
	struct names kernel_shown; /* as they are shown: clone suffixes off */
	struct answer answer;
};

/* Everything but the number. */
static void module_clear(struct sym_module *m)
{
	source_dwarf_done(&m->dwarf);
	source_go_done(&m->go);
	symtab_done(&m->symtab);
	debug_files_done(&m->files);
	elf_image_done(&m->image);
}

int symbolizer_new(const struct sym_options *options, struct symbolizer **ret)
{
	struct symbolizer *s = calloc(1, sizeof(*s));

	if (!s)
		return -ENOMEM;
	if (options) {
		s->no_dwarf = options->no_dwarf;
		s->open = options->open;
		s->open_ctx = options->open_ctx;
	}
	names_init(&s->kernel_shown, &s->budget);
	s->budget.bytes_max = options && options->index_bytes_max ? options->index_bytes_max
								  : INDEX_BYTES_DEFAULT;
	*ret = s;
	return 0;
}

struct symbolizer *symbolizer_free(struct symbolizer *s)
{
	if (!s)
		return NULL;
	for (size_t i = 0; i < s->n_modules; i++) {
		module_clear(s->modules[i]);
		free(s->modules[i]);
	}
	free(s->modules);
	dwarf_rooms_done(&s->rooms);
	names_drop(&s->kernel_shown);
	kernel_names_done(&s->kernel);
	free(s);
	return NULL;
}

static int module_new(struct symbolizer *s, uint32_t *ret_number, struct err *err)
{
	struct sym_module **bigger;

	for (size_t i = 0; i < s->n_modules; i++) {
		if (s->modules[i]->kind == MODULE_FREE) {
			*ret_number = (uint32_t)i;
			return 0;
		}
	}
	if (s->n_modules >= SYM_MODULES_MAX)
		return err_set(err, -ENFILE, "more than %d files at a time", SYM_MODULES_MAX);
	bigger = reallocarray(s->modules, s->n_modules + 1, sizeof(*bigger));
	if (!bigger)
		return err_set(err, -ENOMEM, "out of memory");
	s->modules = bigger;
	bigger[s->n_modules] = calloc(1, sizeof(**bigger));
	if (!bigger[s->n_modules])
		return err_set(err, -ENOMEM, "out of memory");
	*ret_number = (uint32_t)s->n_modules++;
	return 0;
}

static void module_start(struct symbolizer *s, struct sym_module *m, enum module_kind kind)
{
	*m = (struct sym_module){.kind = kind, .image = m->image};
	source_dwarf_init(&m->dwarf, &m->image, &s->budget);
	source_go_init(&m->go, &m->image, &s->budget);
	symtab_init(&m->symtab, &m->image, &s->budget);
}

static int describe(struct sym_module *m, struct sym_module_info *ret, struct err *err)
{
	struct sym_module_info info = {};

	guard_enter(&m->image.guard);
	info.build_id_bytes = elf_image_build_id(&m->image, info.build_id, sizeof(info.build_id));
	info.has_symtab = symtab_is_full(&m->image);
	info.has_dwarf = dwarf_sections_there(&m->image);
	guard_leave(&m->image.guard);
	if (guard_broken(&m->image.guard))
		return err_set(err, -EIO, "the file was truncated while it was read");
	*ret = info;
	return 0;
}

int symbolizer_add_elf(struct symbolizer *s, int fd, struct sym_module_info *ret_info,
		       uint32_t *ret_module, struct err *err)
{
	_cleanup_close_ int owned = fd;
	struct sym_module_info info;
	struct sym_module *m;
	uint32_t number;
	int r = module_new(s, &number, err);

	if (r < 0)
		return r;
	m = s->modules[number];
	r = elf_image_open(&m->image, owned, err);
	if (r < 0)
		return r;
	module_start(s, m, MODULE_ELF);
	m->by_offset = true;
	r = describe(m, &info, err);
	if (r < 0) {
		symbolizer_drop(s, number);
		return r;
	}
	if (ret_info)
		*ret_info = info;
	*ret_module = number;
	return 0;
}

int symbolizer_add_vdso(struct symbolizer *s, uint32_t *ret_module, struct err *err)
{
	uint32_t number;
	int r = module_new(s, &number, err);

	if (r < 0)
		return r;
	r = vdso_open(&s->modules[number]->image, err);
	if (r < 0)
		return r;
	module_start(s, s->modules[number], MODULE_ELF);
	s->modules[number]->by_offset = true;
	*ret_module = number;
	return 0;
}

static int add_kernel_part(struct symbolizer *s, uint32_t owner, uint64_t base,
			   uint32_t *ret_module, struct err *err)
{
	int r = module_new(s, ret_module, err);

	if (r < 0)
		return r;
	module_start(s, s->modules[*ret_module], MODULE_KERNEL);
	s->modules[*ret_module]->owner = owner;
	s->modules[*ret_module]->base = base;
	return 0;
}

int symbolizer_add_kernel(struct symbolizer *s, int kallsyms_fd, uint32_t *ret_module,
			  struct err *err)
{
	_cleanup_close_ int owned = kallsyms_fd;
	struct kernel_names names;
	int r = kernel_names_read(owned, &names);

	if (r == -EPERM)
		return err_set(
			err, r,
			"the kernel hides its addresses (kernel.kptr_restrict, or no CAP_SYSLOG)");
	if (r < 0)
		return err_set(err, r, "kallsyms cannot be read: %s", strerror(-r));
	r = add_kernel_part(s, 0, names.base, ret_module, err);
	if (r < 0) {
		kernel_names_done(&names);
		return r;
	}
	names_drop(&s->kernel_shown);
	kernel_names_done(&s->kernel);
	s->kernel = names;
	return 0;
}

int symbolizer_add_kernel_module(struct symbolizer *s, const char *name, uint64_t base,
				 uint32_t *ret_module, struct err *err)
{
	uint32_t owner;

	if (!*name || kernel_names_owner(&s->kernel, name, &owner) < 0)
		return err_set(err, -ENOENT, "kallsyms has no kernel module %s", name);
	return add_kernel_part(s, owner, base, ret_module, err);
}

static void note_touched(struct symbolizer *s, struct sym_module *m)
{
	if (m->touched)
		return;
	m->touched = true;
	m->next_touched = s->touched;
	s->touched = m;
}

static void forget_touched(struct symbolizer *s)
{
	while (s->touched) {
		s->touched->touched = false;
		s->touched = s->touched->next_touched;
	}
}

void symbolizer_drop(struct symbolizer *s, uint32_t module)
{
	struct sym_module *m = module < s->n_modules ? s->modules[module] : NULL;

	if (!m)
		return;
	forget_touched(s);
	module_clear(m);
	*m = (struct sym_module){};
}

static int name_kernel(struct symbolizer *s, const struct sym_module *m, uint64_t offset)
{
	const char *raw = kernel_names_find(&s->kernel, m->owner, m->base + offset);
	const struct name *name;
	uint32_t number;
	int r;

	if (m->owner == 0 && s->kernel.end && m->base + offset >= s->kernel.end)
		raw = NULL;
	if (!raw || !*raw)
		return 0;
	r = names_get(&s->kernel_shown, raw, strlen(raw), &number);
	if (r < 0)
		return r;
	name = &s->kernel_shown.names[number];
	answer_add(&s->answer,
		   &(struct sym_line){.function = name->function, .system_name = name->system});
	return 0;
}

/* The sources read the other files where the file itself says nothing; images have none. */
static int seek_files(struct symbolizer *s, struct sym_module *m, uint32_t number)
{
	const struct file_opener opener = {s->open, s->open_ctx, number, &s->rooms};
	int r;

	if (m->files.sought || !m->image.guard.data)
		return 0;
	r = debug_files_seek(&m->files, &m->image, &opener);
	if (r < 0)
		return r;
	source_dwarf_read(&m->dwarf, debug_files_dwarf(&m->files, &m->image),
			  m->files.alt.size ? &m->files.alt : NULL, &opener);
	if (m->files.debug.size)
		symtab_read(&m->symtab, &m->files.debug);
	return 0;
}

/* One of them was truncated: without them, then. */
static void lose_files(struct symbolizer *s, struct sym_module *m)
{
	source_dwarf_done(&m->dwarf);
	symtab_done(&m->symtab);
	debug_files_done(&m->files);
	source_dwarf_init(&m->dwarf, &m->image, &s->budget);
	symtab_init(&m->symtab, &m->image, &s->budget);
	answer_clear(&s->answer);
}

/*
 * The chain: debug information answers, or Go's table; symbol tables refine what they say or answer
 * in their place.
 */
static int name_elf(struct symbolizer *s, struct sym_module *m, uint64_t address)
{
	struct name symbol;
	int r = s->no_dwarf ? 0 : source_dwarf_name(&m->dwarf, address, &s->answer);

	if (r == 0 && !s->answer.n)
		r = source_go_name(&m->go, address, &s->answer);
	if (r < 0)
		return r;
	r = symtab_name(&m->symtab, address, &symbol);
	if (r > 0)
		answer_refine(&s->answer, &symbol);
	return r < 0 ? r : 0;
}

const char *symbolizer_trouble(const struct symbolizer *s, uint32_t module)
{
	const struct sym_module *m = module < s->n_modules ? s->modules[module] : NULL;

	if (!m || m->kind != MODULE_ELF)
		return NULL;
	return m->dwarf.trouble ? m->dwarf.trouble : m->symtab.trouble;
}

static void release_pages(struct symbolizer *s)
{
	for (struct sym_module *m = s->touched; m; m = m->next_touched) {
		guard_release_pages(&m->image.guard);
		debug_files_rest(&m->files);
		source_dwarf_rest(&m->dwarf);
	}
	forget_touched(s);
}

static void release_when_many(struct symbolizer *s)
{
	struct rusage usage;

	if (++s->questions % RELEASE_QUESTIONS != 0 || getrusage(RUSAGE_THREAD, &usage) < 0)
		return;
	if (usage.ru_minflt + usage.ru_majflt - s->faults < RELEASE_FAULTS)
		return;
	s->faults = usage.ru_minflt + usage.ru_majflt;
	release_pages(s);
}

void symbolizer_rest(struct symbolizer *s)
{
	release_pages(s);
}

static int broken(struct symbolizer *s, struct sym_module *m, struct err *err)
{
	if (!m->broken)
		module_clear(m);
	m->broken = true;
	answer_clear(&s->answer);
	return err_set(err, -EIO, "the file was truncated while it was read");
}

/* The files of a module under their guards. */
static int name_guarded(struct symbolizer *s, struct sym_module *m, uint32_t number,
			uint64_t address)
{
	int r;

	guard_enter(&m->image.guard);
	r = seek_files(s, m, number);
	if (r == 0) {
		debug_files_enter(&m->files);
		r = name_elf(s, m, address);
		debug_files_leave(&m->files);
	}
	guard_leave(&m->image.guard);
	return r;
}

static int name_in_module(struct symbolizer *s, uint32_t number, uint64_t at, bool is_offset,
			  struct err *err)
{
	struct sym_module *m = s->modules[number];
	uint64_t address = at;
	int r;

	if (m->broken)
		return broken(s, m, err);
	if (m->kind == MODULE_KERNEL)
		return name_kernel(s, m, at) < 0 ? err_set(err, -ENOMEM, "out of memory") : 0;
	if (is_offset && !elf_image_address(&m->image, at, &address))
		return 0;
	note_touched(s, m);
	r = name_guarded(s, m, number, address);
	if (debug_files_broken(&m->files)) {
		lose_files(s, m);
		r = name_guarded(s, m, number, address);
	}
	if (guard_broken(&m->image.guard))
		return broken(s, m, err);
	return r < 0 ? err_set(err, r, "no name for address 0x%llx: %s",
			       (unsigned long long)address, strerror(-r))
		     : 0;
}

static int name_at(struct symbolizer *s, uint32_t module, uint64_t at, bool is_offset,
		   struct sym_answer *ret, struct err *err)
{
	struct sym_module *m = module < s->n_modules ? s->modules[module] : NULL;
	int r;

	if (!m || m->kind == MODULE_FREE)
		return err_set(err, -EINVAL, "no module of number %u", module);
	if (module != s->last_module || s->questions % TRIM_QUESTIONS == 0)
		budget_trim(&s->budget);
	s->last_module = module;
	release_when_many(s);
	answer_clear(&s->answer);
	r = name_in_module(s, module, at, is_offset, err);
	if (r < 0)
		return r;
	answer_finish(&s->answer);
	*ret = (struct sym_answer){.lines = s->answer.lines, .n_lines = s->answer.n};
	return 0;
}

int symbolizer_name(struct symbolizer *s, uint32_t module, uint64_t offset, struct sym_answer *ret,
		    struct err *err)
{
	return name_at(s, module, offset, true, ret, err);
}

int symbolizer_name_address(struct symbolizer *s, uint32_t module, uint64_t address,
			    struct sym_answer *ret, struct err *err)
{
	return name_at(s, module, address, false, ret, err);
}
