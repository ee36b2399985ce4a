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
#include "bpf/kernel_read.bpf.h"

#define NODE_MASK     255ull
#define NODE_BYTES    256
#define NODE_LEAF     1
#define NODE_RANGE    2
#define NODE_ARANGE   3
#define ARANGE_SLOTS  10 /* words of a node before its slots */
#define RANGE_SLOTS   16
#define TREE_DEPTH    8
#define TRIES	      4
#define PAGE_SHIFT    12
#define WRITER_LOCKED 1

#define E_NOT_FOUND   (-2) /* ENOENT: no executable mapping holds the address */
#define E_TORN	      (-11) /* EAGAIN: the tree or the VMA was being changed */

/* The k-th word of a node, 1 to 31; node_open() was called for it. */
static __always_inline __u64 node_word(struct scratch *s, __u64 node, __u32 k)
{
	return knob_direct ? kernel_load(node + 8 * k) : s->node[k & 31];
}

static __always_inline int node_open(struct scratch *s, __u64 node)
{
	return knob_direct ? 0 : bpf_probe_read_kernel(s->node, NODE_BYTES, (void *)node);
}

/*
 * One level down from s->tree.at: 0 go on, 1 s->tree.vma is what the leaf holds, negative: start
 * again. A function that is verified by itself, once and not for each level.
 */
__noinline int tree_descend(struct scratch *s, __u64 pc, int last_try)
{
	__u64 node, type, slot, parent;
	struct maple_range_64 *n;
	struct tree_walk *t;
	__u32 i = 0;

	if (!s)
		return E_TORN;
	t = &s->tree;
	node = t->at & ~NODE_MASK;
	type = (t->at >> 3) & 15;
	n = (void *)node;
	if (!node || type < NODE_LEAF || type > NODE_ARANGE || node_open(s, node))
		return E_TORN;
	/*
	 * The first pivot (the last address of its slot) that is not below pc. Unused pivots are
	 * zero: one less is the largest number, and they sort last. In arange nodes the words from
	 * the tenth on are slots: kernel addresses or zero, which sort last too.
	 */
	if (node_word(s, node, 8) - 1 < pc - 1)
		i = 8;
	if (node_word(s, node, i + 4) - 1 < pc - 1)
		i += 4;
	if (node_word(s, node, i + 2) - 1 < pc - 1)
		i += 2;
	if (node_word(s, node, i + 1) - 1 < pc - 1)
		i += 1;
	if (i > 0)
		t->lo = node_word(s, node, i) + 1;
	if (i < (type == NODE_ARANGE ? 9 : 15)) {
		__u64 pivot = node_word(s, node, i + 1);

		if (pivot)
			t->hi = pivot;
	}
	slot = node_word(s, node, i + (type == NODE_ARANGE ? ARANGE_SLOTS : RANGE_SLOTS));
	KERNEL_READ_AGAIN();
	parent = (__u64)KERNEL_READ(n, parent);
	/* On the last try the mark of death is ignored: the checks of the VMA decide alone. */
	if ((parent & ~NODE_MASK) == node && !last_try)
		return E_TORN;
	if (type == NODE_LEAF) {
		t->vma = slot;
		return 1;
	}
	t->at = slot;
	return 0;
}

static __always_inline int tree_find(struct scratch *s, __u64 pc, int last_try)
{
	struct mm_struct *mm = s->mm;
	int r = E_TORN;

	s->tree.at = (__u64)KERNEL_READ(mm, mm_mt.ma_root);
	s->tree.vma = 0;
	s->tree.lo = 0;
	s->tree.hi = ~0ull;
	if ((s->tree.at & 3) != 2 || s->tree.at < 4096)
		return E_TORN; /* a tree of one entry holds no program */
	for (int depth = 0; depth < TREE_DEPTH; depth++) {
		r = tree_descend(s, pc, last_try);
		if (r != 0)
			break;
	}
	return r == 1 ? 0 : E_TORN;
}

static __always_inline __u64 inode_mtime(struct inode *inode)
{
	if (bpf_core_field_exists(inode->i_mtime_sec))
		return (__u64)KERNEL_READ(inode, i_mtime_sec) * 1000000000ull +
		       KERNEL_READ(inode, i_mtime_nsec);
	if (bpf_core_field_exists(struct inode___wrapped, __i_mtime)) {
		struct inode___wrapped *w = (void *)inode;

		return (__u64)KERNEL_READ(w, __i_mtime.tv_sec) * 1000000000ull +
		       (__u64)KERNEL_READ(w, __i_mtime.tv_nsec);
	} else {
		struct inode___plain *p = (void *)inode;

		return (__u64)KERNEL_READ(p, i_mtime.tv_sec) * 1000000000ull +
		       (__u64)KERNEL_READ(p, i_mtime.tv_nsec);
	}
}

/* The identity of an open file into s->key. */
__noinline int file_key_read(struct scratch *s, __u64 file_address)
{
	struct file *file = (void *)file_address;
	struct super_block *sb;
	struct inode *inode;

	if (!s)
		return E_TORN;
	inode = KERNEL_READ(file, f_inode);
	if (!inode)
		return E_TORN;
	sb = KERNEL_READ(inode, i_sb);
	s->key.dev = KERNEL_READ(sb, s_dev);
	s->key.generation = KERNEL_READ(inode, i_generation);
	s->key.ino = KERNEL_READ(inode, i_ino);
	s->key.mtime_ns = inode_mtime(inode);
	s->key.size = (__u64)KERNEL_READ(inode, i_size);
	return 0;
}

static __always_inline int being_split(struct scratch *s, struct file *file)
{
	struct mm_struct *mm = s->mm;
	struct address_space *space;

	if (!(KERNEL_READ(mm, mmap_lock.count.counter) & WRITER_LOCKED))
		return 0;
	space = KERNEL_READ(file, f_mapping);
	return (KERNEL_READ(space, i_mmap_rwsem.count.counter) & WRITER_LOCKED) != 0;
}

/* The executable is known already; a process holds its file as long as it has its memory. */
static __always_inline int is_exe(struct scratch *s, __u64 file)
{
	return file == process_of(s)->exe_file && !(s->head.flags & ABI_SAMPLE_EXE_NONE);
}

/*
 * One reading of the mapping that holds pc: into *m and, for a file that is not the executable,
 * s->key. *ret_file 0 for anonymous ones and the vdso.
 */
__noinline int mapping_read(struct scratch *s, __u64 pc, struct mapping *m, __u64 *ret_file,
			    int last_try)
{
	struct vm_area_struct *vma;
	unsigned long start, end, pgoff;
	struct file *file;
	int r;

	if (!s || !m || !ret_file)
		return E_TORN;
	r = tree_find(s, pc, last_try);
	if (r < 0)
		return r;
	vma = (void *)s->tree.vma;
	if (!vma)
		return E_NOT_FOUND;
	start = KERNEL_READ(vma, vm_start);
	end = KERNEL_READ(vma, vm_end);
	pgoff = KERNEL_READ(vma, vm_pgoff);
	file = KERNEL_READ(vma, vm_file);
	if (pc < start || pc >= end || start != s->tree.lo || end != s->tree.hi + 1 ||
	    KERNEL_READ(vma, vm_mm) != s->mm)
		return E_TORN;
	if (!(KERNEL_READ(vma, vm_flags) & VM_EXEC))
		return E_NOT_FOUND;
	m->start = start;
	m->end = end;
	m->bias = 0;
	*ret_file = (__u64)file;
	if (file) {
		m->kind = ABI_OBJECT_FILE;
		m->bias = start - ((__u64)pgoff << PAGE_SHIFT);
		r = is_exe(s, (__u64)file) ? 0 : file_key_read(s, (__u64)file);
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
	KERNEL_READ_AGAIN();
	if (KERNEL_READ(vma, vm_start) != start || KERNEL_READ(vma, vm_pgoff) != pgoff ||
	    KERNEL_READ(vma, vm_file) != file)
		return E_TORN;
	return 0;
}

/*
 * How often the process's mappings were changed, as the kernel counts it for the locks of single
 * mappings: at the end of every change, before its lock is given back. E_TORN while one is at work,
 * and where it is not counted.
 */
static __always_inline int mapping_changes(const struct mm_struct *mm, __u32 *ret)
{
	if (KERNEL_READ(mm, mmap_lock.count.counter) & WRITER_LOCKED)
		return E_TORN;
	KERNEL_READ_AGAIN();
	if (bpf_core_field_exists(mm->mm_lock_seq.sequence)) {
		*ret = KERNEL_READ(mm, mm_lock_seq.sequence);
	} else {
		const struct mm_struct___number *n = (const void *)mm;

		if (!bpf_core_field_exists(n->mm_lock_seq))
			return E_TORN;
		*ret = KERNEL_READ(n, mm_lock_seq);
	}
	return 0;
}

/* Nothing that this sample finds of its process's mappings is for the next one. */
static __always_inline void mappings_forget(struct scratch *s)
{
	process_of(s)->of.mm = 0;
}

static __always_inline int same_mappings(const struct mappings_of *a, const struct mappings_of *b)
{
	return a->mm == b->mm && a->exec_id == b->exec_id && a->changes == b->changes &&
	       a->epoch == b->epoch && a->stamp == b->stamp;
}

/*
 * Keep the mappings that samples of this process on this CPU have met: 1 where they hold. They do
 * when it is the same memory of the same program, nothing in it was mapped or unmapped since, and
 * user space knows what it knew; and no longer than a second, for that a file was written to in
 * place nobody counts. What is compared is read before the mappings are, by this sample and by
 * those that found them.
 */
__noinline int mappings_keep(struct scratch *s)
{
	struct mappings_of now = {};
	struct task_struct *task;
	struct mm_struct *mm;
	struct process *p;

	if (!s)
		return 0;
	task = s->task;
	mm = s->mm;
	p = process_of(s);
	now.exec_id = KERNEL_READ(task, self_exec_id);
	now.epoch = *(volatile __u32 *)&known_epoch;
	now.stamp = time_stamp(s);
	if (mapping_changes(mm, &now.changes) == 0)
		now.mm = (__u64)mm;
	ARCH_READ_BARRIER(s);
	if (now.mm && same_mappings(&p->of, &now))
		return 1;
	p->of = now;
	p->n_mappings = 0;
	p->next_mapping = 0;
	return 0;
}

/*
 * The object table's index of what s->key and kind say; a new one is added. Negative when the table
 * is full.
 */
__noinline int object_index(struct scratch *s, __u32 kind, __u64 file, __u64 start, __u64 end);
__noinline int object_again(struct scratch *s, __u32 kind, __u32 number);

/*
 * The mapping's object has this index in the sample's table. Negative: it is one file too many for
 * the record, and user space has to place the address.
 */
static __always_inline int mapping_place(struct scratch *s, struct mapping *m, int index)
{
	if (index < 0) {
		mappings_forget(s);
		m->kind = ABI_OBJECT_RAW;
		m->bias = 0;
		__builtin_memset(&m->info, 0, sizeof(m->info));
		index = object_index(s, ABI_OBJECT_RAW, 0, 0, 0);
	}
	if (index < 0)
		return E_TORN;
	m->object = index;
	m->sample = s->sample;
	return 0;
}

/* A mapping that an earlier sample has found, its object now in this one's table. */
static __always_inline int mapping_again(struct scratch *s, struct mapping *m)
{
	__u32 number = m->kind == ABI_OBJECT_FILE ? m->info.number : 0;

	return mapping_place(s, m, object_again(s, m->kind, number));
}

/* The mapping of pc into *m, from the tree. */
static __always_inline int mapping_new(struct scratch *s, __u64 pc, struct mapping *m)
{
	__u64 file = 0;
	int r = E_TORN;

	for (int i = TRIES - 1; i >= 0; i--) {
		r = mapping_read(s, pc, m, &file, i == 0);
		if (r != E_TORN)
			break;
		count(ABI_COUNTER_MAPPING_RETRY);
	}
	if (r < 0)
		return r;
	if (m->kind == ABI_OBJECT_FILE && is_exe(s, file)) {
		r = s->head.exe;
		s->info = process_of(s)->exe_info;
	} else {
		r = object_index(s, m->kind, file, m->start, m->end);
	}
	m->info = s->info;
	/* The next sample has to name it by its key once more. */
	if (m->kind == ABI_OBJECT_FILE && !s->info.number)
		mappings_forget(s);
	return mapping_place(s, m, r);
}

/*
 * The mapping of pc into s->mapping, from those that were met or from the tree. 0, E_NOT_FOUND,
 * E_TORN. s->n_objects has grown by the object where it is new to this sample.
 */
__noinline int mapping_find(struct scratch *s, __u64 pc)
{
	struct process *p;
	struct mapping *m;
	int r = 0;
	__u32 at;

	if (!s)
		return E_TORN;
	p = process_of(s);
	for (at = 0; at < MAPPINGS_KEPT && at < p->n_mappings; at++)
		if (mapping_holds(&p->mapping[at], pc))
			break;
	if (at < MAPPINGS_KEPT && at < p->n_mappings) {
		m = &p->mapping[at];
		if (m->sample != s->sample)
			r = mapping_again(s, m);
	} else {
		at = p->next_mapping & (MAPPINGS_KEPT - 1);
		m = &p->mapping[at];
		r = mapping_new(s, pc, m);
		if (r == 0) {
			p->next_mapping = at + 1;
			if (p->n_mappings <= at)
				p->n_mappings = at + 1;
		}
	}
	if (r < 0) {
		m->start = 0;
		m->end = 0;
		return r;
	}
	s->mapping = *m;
	return 0;
}
