/*
 * libunwind over a copied stack; see snapshot.h. snapshot_walk() does the work.
 *
 * libunwind is asked for one step at a time, and only from a frame whose code has an FDE. What it
 * would guess elsewhere is not wanted: such a frame is stepped from here, by its frame pointer, and
 * libunwind begins again at the caller.
 */
#include "symbolizer/unwind/snapshot.h"

#include "profiler/base/buf.h"
#include "profiler/base/cleanup.h"
#include "symbolizer/module.h"
#include "symbolizer/source_vdso.h"
#include "symbolizer/unwind/cfi_index.h"
#include "symbolizer/unwind/cfi_single.h"

#include <errno.h>
#include <libunwind.h>
#include <stdlib.h>
#include <string.h>

#if defined(__x86_64__)
#define DWARF_PC       16
#define DWARF_SP       7
#define DWARF_FP       6
#define REGISTERS      16
#define CALL_BYTES     1
#define STRIP(address) (address)
#elif defined(__aarch64__)
#define DWARF_PC       32
#define DWARF_SP       31
#define DWARF_FP       29
#define REGISTERS      32
#define CALL_BYTES     4
/* Pointer authentication keeps its code in the bits above the address. */
#define STRIP(address) ((address) & ((1ull << 48) - 1))
#else
#error "unknown architecture"
#endif

#define WORD sizeof(unw_word_t)
/* Where an FDE is put: near the code, for 32-bit distances, and where its words are never read. */
#define SINGLE_DISTANCE (1u << 20)

/* libunwind's own, which its header leaves to those who write accessors. */
#define search_table UNW_OBJ(dwarf_search_unwind_table)
extern int search_table(unw_addr_space_t as, unw_word_t ip, unw_dyn_info_t *di, unw_proc_info_t *pi,
			int need_unwind_info, void *arg);

struct file {
	uint32_t number;
	struct elf_image image;
	struct cfi_index index;
	bool indexed; /* or tried */
};

struct snapshot_walker {
	unw_addr_space_t space;
	struct file *file[SNAPSHOT_FILES_MAX];
	uint32_t n_files;
	struct buf single; /* the FDE at hand */
	uint64_t single_at; /* where it stands */
	/* the walk */
	const struct snapshot *s;
	uint64_t registers[SNAPSHOT_REGISTERS_MAX];
	uint64_t pc;
	bool only_frame; /* of the registers, stack and frame pointer alone are known */
	uint32_t reads;
	/* what went wrong in this step: enum abi_end, 0 nothing */
	unsigned int fault;
};

uint32_t snapshot_registers(void)
{
	return REGISTERS;
}

/* ---- files ---- */

static struct file *file_find(const struct snapshot_walker *w, uint32_t number)
{
	for (uint32_t i = 0; i < w->n_files; i++)
		if (w->file[i]->number == number)
			return w->file[i];
	return NULL;
}

static void file_free(struct file *f)
{
	cfi_index_done(&f->index);
	elf_image_done(&f->image);
	free(f);
}

/* fd -1: the vdso. */
static int file_add(struct snapshot_walker *w, uint32_t number, int fd, struct err *err)
{
	struct file *f;
	int r;

	if (w->n_files == SNAPSHOT_FILES_MAX)
		return err_set(err, -ENOBUFS, "too many files");
	f = calloc(1, sizeof(*f));
	if (!f)
		return err_set(err, -ENOMEM, "no memory for a file");
	f->number = number;
	r = fd < 0 ? vdso_open(&f->image, err) : elf_image_open(&f->image, fd, err);
	if (r < 0) {
		free(f);
		return r;
	}
	w->file[w->n_files++] = f;
	return 0;
}

int snapshot_walker_add(struct snapshot_walker *w, uint32_t number, int fd, struct err *err)
{
	if (number == SNAPSHOT_FILE_NONE || number == SNAPSHOT_FILE_VDSO || file_find(w, number))
		return err_set(err, -EEXIST, "that number is taken");
	return file_add(w, number, fd, err);
}

void snapshot_walker_forget(struct snapshot_walker *w, uint32_t number)
{
	for (uint32_t i = 0; i < w->n_files; i++) {
		if (w->file[i]->number != number)
			continue;
		file_free(w->file[i]);
		w->file[i] = w->file[--w->n_files];
		return;
	}
}

/* A file that is corrupt, or too large for what memory is left, is as one without CFI. */
static void file_index(struct file *f)
{
	if (f->indexed)
		return;
	f->indexed = true;
	if (!f->image.is_64)
		return;
	guard_enter(&f->image.guard);
	(void)cfi_index_build(&f->image, &f->index);
	guard_leave(&f->image.guard);
}

/* ---- places ---- */

/* Where an address lies. */
struct place {
	const struct snapshot_mapping *mapping; /* NULL: in no executable one */
	struct file *file; /* NULL: none, or not known here */
	uint64_t in_file; /* the address as the file has it */
	uint64_t bias; /* address - in_file */
};

static const struct snapshot_mapping *mapping_find(const struct snapshot *s, uint64_t address)
{
	uint32_t low = 0, high = s->n_mappings;

	while (low < high) {
		uint32_t middle = low + (high - low) / 2;

		if (s->mappings[middle].end <= address)
			low = middle + 1;
		else
			high = middle;
	}
	return low < s->n_mappings && s->mappings[low].start <= address ? &s->mappings[low] : NULL;
}

static struct place place_of(const struct snapshot_walker *w, uint64_t address)
{
	struct place p = {.mapping = mapping_find(w->s, address)};
	uint64_t offset;

	if (!p.mapping)
		return p;
	p.file = file_find(w, p.mapping->file);
	offset = address - p.mapping->start + p.mapping->offset;
	if (!p.file || !elf_image_address(&p.file->image, offset, &p.in_file)) {
		p.file = NULL;
		return p;
	}
	p.bias = address - p.in_file;
	file_index(p.file);
	return p;
}

static const struct cfi_fde *fde_of(const struct place *p)
{
	return p->file ? cfi_index_find(&p->file->index, p->in_file) : NULL;
}

/* ---- what libunwind asks ---- */

static bool is_within(uint64_t address, uint64_t start, uint64_t bytes)
{
	return bytes >= WORD && address >= start && address - start <= bytes - WORD;
}

/* Why a word of memory is not there. */
static void missed(struct snapshot_walker *w, uint64_t address)
{
	uint64_t into = address - w->s->registers[DWARF_SP];

	w->fault = w->s->stack_bytes < ABI_STACK_BYTES_MAX && into < ABI_STACK_BYTES_MAX
			   ? ABI_END_UNREADABLE
			   : ABI_END_NOT_COPIED;
}

static bool stack_word(struct snapshot_walker *w, uint64_t address, unw_word_t *ret)
{
	uint64_t start = w->s->registers[DWARF_SP];

	if (!is_within(address, start, w->s->stack_bytes))
		return false;
	memcpy(ret, w->s->stack + (address - start), WORD);
	return true;
}

/* Whether it is code of a file, whose bytes say how a signal handler returns. */
static bool code_word(struct snapshot_walker *w, uint64_t address, unw_word_t *ret)
{
	const struct snapshot_mapping *m = mapping_find(w->s, address);
	struct file *f = m ? file_find(w, m->file) : NULL;
	uint64_t offset = m ? address - m->start + m->offset : 0;

	if (!f || !is_within(offset, 0, f->image.size))
		return false;
	guard_enter(&f->image.guard);
	memcpy(ret, f->image.data + offset, WORD);
	guard_leave(&f->image.guard);
	return true;
}

static int access_mem(unw_addr_space_t space, unw_word_t address, unw_word_t *value, int write,
		      void *arg)
{
	struct snapshot_walker *w = arg;

	(void)space;
	if (write)
		return -UNW_EINVAL;
	if (++w->reads > SNAPSHOT_READS_MAX) {
		w->fault = ABI_END_EXPRESSION;
		return -UNW_EINVAL;
	}
	if (is_within(address, w->single_at, w->single.len)) {
		memcpy(value, w->single.data + (address - w->single_at), WORD);
		return 0;
	}
	if (stack_word(w, address, value) || code_word(w, address, value))
		return 0;
	missed(w, address);
	return -UNW_EINVAL;
}

static int access_reg(unw_addr_space_t space, unw_regnum_t number, unw_word_t *value, int write,
		      void *arg)
{
	struct snapshot_walker *w = arg;

	(void)space;
	if (write || number < 0)
		return -UNW_EREADONLYREG;
	if (number == DWARF_PC) {
		*value = w->pc;
		return 0;
	}
	if (number >= REGISTERS)
		return -UNW_EBADREG;
	if (w->only_frame && number != DWARF_SP && number != DWARF_FP) {
		w->fault = ABI_END_REGISTER;
		return -UNW_EBADREG;
	}
	*value = w->registers[number];
	return 0;
}

static int access_fpreg(unw_addr_space_t space, unw_regnum_t number, unw_fpreg_t *value, int write,
			void *arg)
{
	(void)space, (void)number, (void)value, (void)write, (void)arg;
	return -UNW_EBADREG;
}

static int find_proc_info(unw_addr_space_t space, unw_word_t ip, unw_proc_info_t *pi,
			  int need_unwind_info, void *arg)
{
	struct snapshot_walker *w = arg;
	struct place p = place_of(w, ip);
	const struct cfi_fde *fde = fde_of(&p);
	const struct cfi_cie *cie;
	unw_dyn_info_t table = {.format = UNW_INFO_FORMAT_REMOTE_TABLE};
	int r;

	if (!fde)
		return -UNW_ENOINFO;
	cie = &p.file->index.entries.cies[fde->cie];
	w->single_at = ((fde->end + p.bias) & ~(uint64_t)(WORD - 1)) + SINGLE_DISTANCE;
	guard_enter(&p.file->image.guard);
	r = cfi_single_write(&w->single, w->single_at, cie, fde, p.bias);
	guard_leave(&p.file->image.guard);
	if (r < 0)
		return -UNW_ENOINFO;
	table.start_ip = fde->start + p.bias;
	table.end_ip = fde->end + p.bias;
	table.u.rti.segbase = w->single_at;
	table.u.rti.table_data = w->single_at;
	table.u.rti.table_len = CFI_SINGLE_TABLE / WORD;
	return search_table(space, ip, &table, pi, need_unwind_info, arg);
}

/* libunwind frees what it made of a table itself. */
static void put_unwind_info(unw_addr_space_t space, unw_proc_info_t *pi, void *arg)
{
	(void)space, (void)pi, (void)arg;
}

static int no_dyn_info(unw_addr_space_t space, unw_word_t *list, void *arg)
{
	(void)space, (void)list, (void)arg;
	return -UNW_ENOINFO;
}

static int no_resume(unw_addr_space_t space, unw_cursor_t *cursor, void *arg)
{
	(void)space, (void)cursor, (void)arg;
	return -UNW_EINVAL;
}

static int no_name(unw_addr_space_t space, unw_word_t address, char *name, size_t bytes,
		   unw_word_t *offset, void *arg)
{
	(void)space, (void)address, (void)name, (void)bytes, (void)offset, (void)arg;
	return -UNW_ENOINFO;
}

int snapshot_walker_new(struct snapshot_walker **ret)
{
	static unw_accessors_t accessors = {
		.find_proc_info = find_proc_info,
		.put_unwind_info = put_unwind_info,
		.get_dyn_info_list_addr = no_dyn_info,
		.access_mem = access_mem,
		.access_reg = access_reg,
		.access_fpreg = access_fpreg,
		.resume = no_resume,
		.get_proc_name = no_name,
	};
	struct snapshot_walker *w = calloc(1, sizeof(*w));

	if (!w)
		return -ENOMEM;
	buf_init(&w->single, 2 * CFI_SINGLE_MAX);
	w->space = unw_create_addr_space(&accessors, 0);
	if (!w->space) {
		snapshot_walker_free(w);
		return -ENOMEM;
	}
	/* What is at an address differs from one process to the next. */
	unw_set_caching_policy(w->space, UNW_CACHE_NONE);
	*ret = w;
	return 0;
}

struct snapshot_walker *snapshot_walker_free(struct snapshot_walker *w)
{
	if (!w)
		return NULL;
	if (w->space)
		unw_destroy_addr_space(w->space);
	for (uint32_t i = 0; i < w->n_files; i++)
		file_free(w->file[i]);
	buf_done(&w->single);
	free(w);
	return NULL;
}

/* ---- the walk ---- */

/* One frame. */
struct frame {
	uint64_t pc;
	bool is_return, by_fp;
	bool fresh; /* the cursor does not stand here yet */
	unw_cursor_t cursor;
};

static uint64_t looked_up(const struct frame *f)
{
	return f->is_return ? f->pc - CALL_BYTES : f->pc;
}

/* Stack and frame pointer where the walk is. */
static bool frame_registers(struct snapshot_walker *w, struct frame *f, uint64_t *ret_sp,
			    uint64_t *ret_fp)
{
	unw_word_t sp, fp;

	if (f->fresh) {
		*ret_sp = w->registers[DWARF_SP];
		*ret_fp = w->registers[DWARF_FP];
		return true;
	}
	if (unw_get_reg(&f->cursor, DWARF_SP, &sp) < 0 ||
	    unw_get_reg(&f->cursor, DWARF_FP, &fp) < 0)
		return false;
	*ret_sp = sp;
	*ret_fp = fp;
	return true;
}

/* To the caller by frame pointer. ABI_END_NONE, or the end. */
static unsigned int step_fp(struct snapshot_walker *w, struct frame *f)
{
	unw_word_t fp_before, pc;
	uint64_t sp, fp;

	if (!frame_registers(w, f, &sp, &fp))
		return ABI_END_FP_SHORT;
	if (fp == 0 && f->by_fp)
		return ABI_END_ROOT;
	if (fp & 7 || fp < sp)
		return ABI_END_FP_SHORT;
	if (!stack_word(w, fp, &fp_before) || !stack_word(w, fp + WORD, &pc)) {
		missed(w, fp);
		return f->by_fp && w->fault == ABI_END_NOT_COPIED ? ABI_END_NOT_COPIED
								  : ABI_END_FP_SHORT;
	}
	w->registers[DWARF_SP] = fp + 2 * WORD;
	w->registers[DWARF_FP] = fp_before;
	w->only_frame = true;
	f->pc = STRIP(pc);
	f->is_return = f->by_fp = f->fresh = true;
	return f->pc ? ABI_END_NONE : ABI_END_ROOT;
}

/* To the caller by the FDE that covers this frame. */
static unsigned int step_cfi(struct snapshot_walker *w, struct frame *f)
{
	unw_word_t pc;
	int r;

	w->fault = ABI_END_NONE;
	if (f->fresh) {
		/* libunwind looks up where it begins as it stands. */
		w->pc = looked_up(f);
		if (unw_init_remote(&f->cursor, w->space, w) < 0)
			return ABI_END_BAD_FRAME;
		f->fresh = false;
	}
	r = unw_step(&f->cursor);
	if (r == 0)
		return ABI_END_ROOT;
	if (r < 0 || unw_get_reg(&f->cursor, UNW_REG_IP, &pc) < 0)
		return w->fault ? w->fault : ABI_END_BAD_FRAME;
	f->pc = STRIP(pc);
	f->by_fp = false;
	return f->pc ? ABI_END_NONE : ABI_END_ROOT;
}

/* The frame at hand has been kept; to its caller. */
static unsigned int step(struct snapshot_walker *w, struct frame *f, const struct place *p)
{
	unsigned int end;
	bool is_signal;

	if (!fde_of(p))
		return p->file && cfi_index_is_entry(&p->file->index, p->in_file) ? ABI_END_ROOT
										  : step_fp(w, f);
	is_signal = p->file->index.entries.cies[fde_of(p)->cie].is_signal;
	end = step_cfi(w, f);
	f->is_return = !is_signal;
	return end;
}

/*
 * Whether a return address without CFI is where a function begins: no call pushed it. Such an
 * outermost frame is made by hand, as makecontext() does; the frame is that function's.
 */
static bool is_made_by_hand(struct snapshot_walker *w, const struct frame *f, const struct place *p)
{
	struct place at;

	if (!f->is_return || fde_of(p))
		return false;
	at = place_of(w, f->pc);
	return fde_of(&at) != NULL;
}

static void begin(struct snapshot_walker *w, const struct snapshot *s, struct frame *f)
{
	w->s = s;
	memcpy(w->registers, s->registers, sizeof(w->registers));
	w->only_frame = false;
	w->reads = 0;
	w->single.len = 0;
	*f = (struct frame){.pc = STRIP(s->pc), .is_return = s->pc_is_return, .fresh = true};
}

uint32_t snapshot_walk(struct snapshot_walker *w, const struct snapshot *s,
		       struct snapshot_frame ret[ABI_USER_FRAMES_MAX], unsigned int *ret_end)
{
	unsigned int end = ABI_END_NONE;
	struct frame f;
	uint32_t n = 0;

	if (!file_find(w, SNAPSHOT_FILE_VDSO))
		(void)file_add(w, SNAPSHOT_FILE_VDSO, -1, NULL);
	begin(w, s, &f);
	while (end == ABI_END_NONE) {
		struct place p = place_of(w, looked_up(&f));

		if (n == ABI_USER_FRAMES_MAX) {
			end = ABI_END_TOO_DEEP;
		} else if (is_made_by_hand(w, &f, &p)) {
			ret[n++] = (struct snapshot_frame){.address = f.pc};
			end = ABI_END_ROOT;
		} else if (!p.mapping) {
			end = f.by_fp ? ABI_END_FP_SHORT : ABI_END_NOT_CODE;
		} else {
			ret[n++] = (struct snapshot_frame){
				.address = looked_up(&f),
				.flags = (f.is_return ? ABI_FRAME_RETURN : 0) |
					 (f.by_fp ? ABI_FRAME_BY_FP : 0),
			};
			end = step(w, &f, &p);
		}
	}
	*ret_end = end;
	return n;
}
