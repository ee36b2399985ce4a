// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Which mapping of the current process holds an address: read from the process's own VMA tree, at
 * sample time.
 *
 * The tree is a maple tree (include/linux/maple_tree.h) that other CPUs may be changing: the
 * program runs in an interrupt and can take no lock. So everything that is read is checked to
 * belong together, and a reading that does not is done again, at last given up with a name for the
 * loss. The rules, and why each is needed:
 *
 *   - a node whose parent points to itself is dead: start again from the root;
 *   - the VMA must hold the address, belong to this mm, be executable, and span exactly the range
 *     that the tree gives it: one that is being split is caught in between otherwise;
 *   - after the file's identity is read, vm_start, vm_pgoff and vm_file must read the same again:
 *     the VMA's memory may have been given to another;
 *   - while both mmap_lock and the file's i_mmap_rwsem have a writer, a VMA may be half split:
 *     that is a loss with a name.
 */
#include "bpf/maps.bpf.h"

#include <bpf/bpf_core_read.h>

#define NODE_MASK     255ull
#define NODE_LEAF     1
#define NODE_RANGE    2
#define NODE_ARANGE   3
#define ARANGE_SLOTS  80 /* byte offset of the slots */
#define RANGE_SLOTS   128
#define TREE_DEPTH    8
#define TRIES	      4
#define PAGE_SHIFT    12
#define WRITER_LOCKED 1

#define E_NOT_FOUND   (-2) /* ENOENT: no executable mapping holds the address */
#define E_TORN	      (-11) /* EAGAIN: the tree or the VMA was being changed */

/* One level down: 0 go on, 1 s->slot is what the leaf holds, negative: read failed. */
__noinline int tree_descend(struct scratch *s, __u64 pc)
{
	__u64 parent;
	__u32 i = 0;

	if (!s)
		return E_TORN;
	if (bpf_probe_read_kernel(s->words, sizeof(s->words), (void *)s->node))
		return E_TORN;
	/*
	 * The first pivot (the last address of its slot) that is not below pc. Unused pivots are
	 * zero: one less is the largest number, and they sort last. In arange nodes the words from
	 * the tenth on are slots: kernel addresses or zero, which sort last too.
	 */
	if (s->words[8] - 1 < pc - 1)
		i = 8;
	if (s->words[(i + 4) & 15] - 1 < pc - 1)
		i += 4;
	if (s->words[(i + 2) & 15] - 1 < pc - 1)
		i += 2;
	if (s->words[(i + 1) & 15] - 1 < pc - 1)
		i += 1;
	if (i > 0)
		s->lo = s->words[i & 15] + 1;
	if (i < (s->type == NODE_ARANGE ? 9 : 15) && s->words[(i + 1) & 15])
		s->hi = s->words[(i + 1) & 15];
	if (bpf_probe_read_kernel(&s->slot, sizeof(s->slot),
				  (void *)(s->node +
					   (s->type == NODE_ARANGE ? ARANGE_SLOTS : RANGE_SLOTS) +
					   8 * i)))
		return E_TORN;
	if (bpf_probe_read_kernel(&parent, sizeof(parent), (void *)s->node))
		return E_TORN;
	/* On the last try the mark of death is ignored: the checks of the VMA decide alone. */
	if ((parent & ~NODE_MASK) == s->node && s->tries_left)
		return E_TORN;
	if (s->type == NODE_LEAF)
		return 1;
	s->type = (s->slot >> 3) & 15;
	s->node = s->slot & ~NODE_MASK;
	return s->node && s->type >= NODE_LEAF && s->type <= NODE_ARANGE ? 0 : E_TORN;
}

/* The VMA that the tree has for pc into s->slot, its range into s->lo, s->hi (inclusive). */
static __always_inline int tree_find(struct scratch *s, __u64 pc)
{
	struct mm_struct *mm = s->mm;
	__u64 root = (__u64)BPF_CORE_READ(mm, mm_mt.ma_root);
	int r = E_TORN;

	s->lo = 0;
	s->hi = ~0ull;
	if ((root & 3) != 2 || root < 4096)
		return E_TORN; /* a tree of one entry holds no program */
	s->type = (root >> 3) & 15;
	s->node = root & ~NODE_MASK;
	for (int depth = 0; depth < TREE_DEPTH; depth++) {
		r = tree_descend(s, pc);
		if (r != 0)
			break;
	}
	return r == 1 ? 0 : E_TORN;
}

static __always_inline __u64 inode_mtime(struct inode *inode)
{
	if (bpf_core_field_exists(inode->i_mtime_sec))
		return (__u64)BPF_CORE_READ(inode, i_mtime_sec) * 1000000000ull +
		       BPF_CORE_READ(inode, i_mtime_nsec);
	if (bpf_core_field_exists(struct inode___wrapped, __i_mtime)) {
		struct inode___wrapped *w = (void *)inode;

		return (__u64)BPF_CORE_READ(w, __i_mtime.tv_sec) * 1000000000ull +
		       (__u64)BPF_CORE_READ(w, __i_mtime.tv_nsec);
	} else {
		struct inode___plain *p = (void *)inode;

		return (__u64)BPF_CORE_READ(p, i_mtime.tv_sec) * 1000000000ull +
		       (__u64)BPF_CORE_READ(p, i_mtime.tv_nsec);
	}
}

/* The identity of an open file into s->key. */
__noinline int file_key_read(struct scratch *s, __u64 file_address)
{
	struct file *file = (void *)file_address;
	struct inode *inode;

	if (!s)
		return E_TORN;
	inode = BPF_CORE_READ(file, f_inode);
	if (!inode)
		return E_TORN;
	s->key.dev = BPF_CORE_READ(inode, i_sb, s_dev);
	s->key.generation = BPF_CORE_READ(inode, i_generation);
	s->key.ino = BPF_CORE_READ(inode, i_ino);
	s->key.mtime_ns = inode_mtime(inode);
	s->key.size = (__u64)BPF_CORE_READ(inode, i_size);
	return 0;
}

static __always_inline int being_split(struct scratch *s, struct file *file)
{
	struct mm_struct *mm = s->mm;

	return (BPF_CORE_READ(mm, mmap_lock.count.counter) & WRITER_LOCKED) &&
	       (BPF_CORE_READ(file, f_mapping, i_mmap_rwsem.count.counter) & WRITER_LOCKED);
}

/*
 * One reading of the mapping that holds pc: into *m and s->key, *ret_file 0 for anonymous ones and
 * the vdso.
 */
__noinline int mapping_read(struct scratch *s, __u64 pc, struct mapping *m, __u64 *ret_file)
{
	struct vm_area_struct *vma;
	unsigned long start, end, pgoff;
	struct file *file;
	int r;

	if (!s || !m || !ret_file)
		return E_TORN;
	r = tree_find(s, pc);
	if (r < 0)
		return r;
	vma = (void *)s->slot;
	if (!vma)
		return E_NOT_FOUND;
	start = BPF_CORE_READ(vma, vm_start);
	end = BPF_CORE_READ(vma, vm_end);
	pgoff = BPF_CORE_READ(vma, vm_pgoff);
	file = BPF_CORE_READ(vma, vm_file);
	if (pc < start || pc >= end || start != s->lo || end != s->hi + 1 ||
	    BPF_CORE_READ(vma, vm_mm) != s->mm)
		return E_TORN;
	if (!(BPF_CORE_READ(vma, vm_flags) & VM_EXEC))
		return E_NOT_FOUND;
	m->start = start;
	m->end = end;
	m->bias = 0;
	*ret_file = (__u64)file;
	if (file) {
		m->kind = ABI_OBJECT_FILE;
		m->bias = start - ((__u64)pgoff << PAGE_SHIFT);
		r = file_key_read(s, (__u64)file);
		if (r < 0)
			return r;
		if (being_split(s, file))
			return E_TORN;
	} else if (start == s->vdso) {
		m->kind = ABI_OBJECT_VDSO;
		m->bias = start;
	} else {
		m->kind = ABI_OBJECT_ANON;
	}
	if (BPF_CORE_READ(vma, vm_start) != start || BPF_CORE_READ(vma, vm_pgoff) != pgoff ||
	    BPF_CORE_READ(vma, vm_file) != file)
		return E_TORN;
	return 0;
}

/*
 * The object table's index of what s->key and kind say; a new one is added. Negative when the table
 * is full.
 */
__noinline int object_index(struct scratch *s, __u32 kind, __u64 file, __u64 start, __u64 end);

/*
 * The mapping of pc as an index into s->mapping, from the sample's cache or the tree. E_NOT_FOUND,
 * E_TORN. s->n_objects has grown by the object where it is new to this sample.
 */
__noinline int mapping_find(struct scratch *s, __u64 pc)
{
	__u64 file = 0;
	struct mapping *m;
	__u32 at;
	int r = E_TORN;

	if (!s)
		return E_TORN;
	at = s->last_mapping & (MAPPINGS_CACHED - 1);
	if (pc >= s->mapping[at].start && pc < s->mapping[at].end)
		return at;
	for (at = 0; at < MAPPINGS_CACHED; at++) {
		if (pc >= s->mapping[at].start && pc < s->mapping[at].end) {
			s->last_mapping = at;
			return at;
		}
	}
	at = s->next_mapping & (MAPPINGS_CACHED - 1);
	m = &s->mapping[at];
	for (int i = TRIES - 1; i >= 0; i--) {
		s->tries_left = i;
		r = mapping_read(s, pc, m, &file);
		if (r != E_TORN)
			break;
		count(ABI_COUNTER_MAPPING_RETRY);
	}
	if (r < 0) {
		m->start = 0;
		m->end = 0;
		return r;
	}
	r = object_index(s, m->kind, file, m->start, m->end);
	if (r < 0) {
		/* One file too many for the record: user space has to place the address. */
		m->kind = ABI_OBJECT_RAW;
		m->bias = 0;
		r = object_index(s, ABI_OBJECT_RAW, 0, 0, 0);
	}
	if (r < 0) {
		m->start = 0;
		m->end = 0;
		return E_TORN;
	}
	m->object = r;
	m->info = s->info;
	s->last_mapping = at;
	s->next_mapping = at + 1;
	return at;
}
