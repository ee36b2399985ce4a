/*
 * The one door of the symbolizer: offsets in, names out.
 *
 * It opens nothing: files come as descriptors, the vdso as the caller's own memory. Everything it
 * reads is foreign: a hostile file costs an error of that file (-EBADMSG), never a crash, and a
 * mapped file that is truncated while it is read (SIGBUS) is an error of that file as well.
 *
 * A symbolizer belongs to one thread and one trust domain. Strings that it returns live until the
 * next call on the same symbolizer.
 */
#pragma once

#include "profiler/base/err.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* The inline chain of one address; longer ones keep the innermost and the outermost. */
#define SYM_LINES_MAX	   64
#define SYM_NAME_BYTES_MAX 4096 /* a name; longer ones are cut with an ellipsis */
#define SYM_BUILD_ID_MAX   64

struct symbolizer;

/* What a module's file says of another file in which more of it stands. */
enum sym_want_kind {
	SYM_WANT_BUILD_ID, /* the separate debug file with this build id */
	SYM_WANT_LINK, /* the same by name, which has no directory: .gnu_debuglink */
	SYM_WANT_ALT, /* what dwz moved out of several files, by build id and path */
	SYM_WANT_DWO, /* split DWARF of one unit, by path */
	SYM_WANT_DWP, /* split DWARF of all units, beside the file */
	/*
	 * None of the file's: a file without a name, of so many bytes, to be written by mapping it.
	 * Compressed sections go there that are too large for memory.
	 */
	SYM_WANT_ROOM,
	SYM_WANT_COUNT
};

struct sym_want {
	enum sym_want_kind kind;
	unsigned int skip; /* so many files that were given for it were not the right one */
	const uint8_t *build_id;
	size_t build_id_bytes; /* 0: none */
	uint64_t bytes; /* ROOM */
	const char *name; /* or path: absolute, or from the file's directory; NULL: none */
};

/* The most that is asked for as ROOM. */
#define SYM_ROOM_BYTES_MAX (1ull << 30)
/* Wrong ones that are looked at for one want. */
#define SYM_WANT_SKIP_MAX 4

/*
 * Opens what a module's file wants: a descriptor for reading, which becomes the symbolizer's, or
 * negative errno (-ENOENT: there is none). What comes is foreign as well, and believed only where
 * build id or CRC agree. Called from within symbolizer_name().
 */
typedef int (*sym_open)(void *ctx, uint32_t module, const struct sym_want *want);

struct sym_options {
	/* What indexes over debug information may take together; 0: 96 MB. */
	uint64_t index_bytes_max;
	bool no_dwarf; /* symbol tables only */
	sym_open open; /* NULL: nobody opens anything */
	void *open_ctx;
};

/* One level of an inline chain. Strings are NULL where unknown; a function is always known. */
struct sym_line {
	const char *function; /* demangled, without clone suffixes */
	const char *system_name; /* as the object has it; NULL where equal to function */
	const char *file;
	uint32_t line; /* 0: unknown */
	uint32_t column; /* 0: unknown */
};

/*
 * What an offset is called. n_lines 0: nobody knows, which is an answer. lines[0] is the
 * innermost.
 */
struct sym_answer {
	const struct sym_line *lines;
	size_t n_lines;
};

struct sym_module_info {
	uint8_t build_id[SYM_BUILD_ID_MAX];
	size_t build_id_bytes; /* 0: none */
	bool has_dwarf;
	bool has_symtab; /* .symtab; otherwise .dynsym at most */
};

int symbolizer_new(const struct sym_options *options, struct symbolizer **ret);
struct symbolizer *symbolizer_free(struct symbolizer *s);

/*
 * An ELF file. Takes ownership of fd, also on failure. -EBADMSG: not an ELF file or a corrupt
 * one, the sentence in err. The module number is valid until symbolizer_drop().
 */
int symbolizer_add_elf(struct symbolizer *s, int fd, struct sym_module_info *ret_info,
		       uint32_t *ret_module, struct err *err);

/* The vdso of this kernel, read from the caller's own process (every process has the same). */
int symbolizer_add_vdso(struct symbolizer *s, uint32_t *ret_module, struct err *err);

/*
 * The kernel: kallsyms_fd is an open /proc/kallsyms (takes ownership, also on failure). Offsets
 * are counted from _text for the core image. Modules are modules of their own: see
 * symbolizer_add_kernel_module().
 */
int symbolizer_add_kernel(struct symbolizer *s, int kallsyms_fd, uint32_t *ret_module,
			  struct err *err);

/*
 * A loaded kernel module by name ("ext4"); offsets count from base, its load address. The symbols
 * come from the kallsyms that symbolizer_add_kernel() read, which must have come first. -ENOENT:
 * no such module.
 */
int symbolizer_add_kernel_module(struct symbolizer *s, const char *name, uint64_t base,
				 uint32_t *ret_module, struct err *err);

void symbolizer_drop(struct symbolizer *s, uint32_t module);

/*
 * Name one offset: in the file for ELF files (a position in it, as the sampler gives), from the
 * start for the others. 0 also where nobody knows (n_lines 0). The answer is borrowed until the
 * next call.
 */
int symbolizer_name(struct symbolizer *s, uint32_t module, uint64_t offset, struct sym_answer *ret,
		    struct err *err);

/* The same for a virtual address of an ELF file, as `hearth symbolize` and addr2line take it. */
int symbolizer_name_address(struct symbolizer *s, uint32_t module, uint64_t address,
			    struct sym_answer *ret, struct err *err);

/*
 * Why some of what a module's file says of names was not used when it was asked about until now: it
 * is corrupt, or past a bound. A sentence of ours, or NULL: nothing was wrong.
 */
const char *symbolizer_trouble(const struct symbolizer *s, uint32_t module);

/*
 * No question will come for a while: give the pages of mapped files back to the page cache, which
 * has them still. To be called when a batch is done; indexes stay. The last answer stays valid.
 */
void symbolizer_rest(struct symbolizer *s);
