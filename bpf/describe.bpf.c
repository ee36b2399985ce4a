// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Describing what user space has not numbered yet: a mapped file (identity, owner, build id, path)
 * and a cgroup (path), in a record of their own, sent before the sample that met them.
 *
 * All of it is read in the interrupt that met it, because its process may be gone before user space
 * looks.
 */
#include "bpf/maps.bpf.h"
#include "bpf/kernel_read.bpf.h"

#include <bpf/bpf_core_read.h>

#define COMPONENTS_MAX 64
#define NAME_BYTES     256
#define SUBSYSTEMS_MAX 16

#define E_FULL	       (-7) /* E2BIG */

struct elf_start {
	__u8 ident[16];
	__u16 type, machine;
	__u32 version;
	__u64 entry, phoff, shoff;
	__u32 flags;
	__u16 ehsize, phentsize, phnum;
};

struct elf_phdr {
	__u32 type, flags;
	__u64 offset, vaddr, paddr, filesz, memsz, align;
};

/* What is too large for the stack: all functions of a chain of calls share 512 bytes. */
struct describe {
	union {
		struct abi_object object;
		struct abi_cgroup cgroup;
	};
	struct elf_start start;
	struct elf_phdr phdr;
	/* components; the last one may be cut, never overrun */
	char path[ABI_PATH_BYTES + 256];
};

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct describe);
} describe_map SEC(".maps");

struct path_walk {
	struct describe *d;
	struct dentry *dentry;
	struct mount *mount;
	__u32 at; /* bytes written */
};

/* Add one name with its NUL; 1 when there is no room for another. */
static __always_inline int add_name(struct describe *d, __u32 *at, const void *name)
{
	long n;

	if (*at >= ABI_PATH_BYTES)
		return 1;
	n = bpf_probe_read_kernel_str(d->path + *at, NAME_BYTES, name);
	if (n <= 0)
		return 1;
	*at += n & (2 * NAME_BYTES - 1);
	return 0;
}

static long path_step(__u32 i, struct path_walk *w)
{
	struct dentry *dentry = w->dentry;
	struct mount *mount = w->mount;
	struct dentry *parent = BPF_CORE_READ(dentry, d_parent);
	struct dentry *root = BPF_CORE_READ(mount, mnt.mnt_root);

	if (dentry == root || dentry == parent) {
		struct mount *above = BPF_CORE_READ(mount, mnt_parent);

		/* A file that stands in no folder, as a memfd does, has a name all the same. */
		if (i == 0 && dentry != root)
			add_name(w->d, &w->at, BPF_CORE_READ(dentry, d_name.name));
		if (above == mount || dentry != root)
			return 1; /* the root of all, or a file that was unlinked with its tree */
		w->dentry = BPF_CORE_READ(mount, mnt_mountpoint);
		w->mount = above;
		return 0;
	}
	w->dentry = parent;
	return add_name(w->d, &w->at, BPF_CORE_READ(dentry, d_name.name));
}

static __always_inline __u32 path_read(struct describe *d, struct file *file)
{
	struct vfsmount *mnt = BPF_CORE_READ(file, f_path.mnt);
	struct path_walk w = {
		.d = d,
		.dentry = BPF_CORE_READ(file, f_path.dentry),
		.mount = (void *)mnt - bpf_core_field_offset(struct mount, mnt),
	};

	bpf_loop(COMPONENTS_MAX, path_step, &w, 0);
	return w.at;
}

/*
 * The build id of a mapped ELF file, from its first page in the page cache. Memory is reached
 * through the direct map, whose bases user space sets where it knows them; a wrong base reads
 * nothing, or no ELF magic.
 */
extern const volatile __u64 knob_page_offset;
extern const volatile __u64 knob_vmemmap;

#define PAGE_SHIFT    12
#define PAGE_BYTES    4096
#define PHDRS_MAX     32
#define NOTES_MAX     8
#define PT_NOTE	      4
#define NT_BUILD_ID   3
#define NOTE_NAME_MAX 64
#define XA_DEPTH_MAX  6

struct elf_note {
	__u32 name_bytes, desc_bytes, type;
	char name[4];
};

/* The direct-map address of a file's first page, 0 when it is not in memory. */
static __always_inline __u64 first_page(struct file *file)
{
	__u64 entry = (__u64)BPF_CORE_READ(file, f_mapping, i_pages.xa_head);

	for (int i = 0; i < XA_DEPTH_MAX; i++) {
		struct xa_node *node;

		if ((entry & 3) != 2 || entry < 4096)
			break;
		node = (void *)(entry & ~3ull);
		entry = (__u64)BPF_CORE_READ(node, slots[0]);
	}
	if (!entry || (entry & 3))
		return 0;
	return ((entry - knob_vmemmap) / bpf_core_type_size(struct page) << PAGE_SHIFT) +
	       knob_page_offset;
}

/* One look at the headers: where we are, and where the id goes. */
struct build_id_walk {
	struct describe *d;
	__u64 page;
	__u64 phdrs; /* their offset in the page */
	__u64 at, end; /* of the notes of one header */
};

/* One note; 1 when the walk is over. */
static long note_step(__u32 i, struct build_id_walk *w)
{
	struct abi_object *o = &w->d->object;
	struct elf_note note;
	__u64 at = w->at;

	if (at + sizeof(note) > w->end || at + sizeof(note) + ABI_BUILD_ID_MAX > PAGE_BYTES ||
	    bpf_probe_read_kernel(&note, sizeof(note), (void *)(w->page + at)))
		return 1;
	if (note.type == NT_BUILD_ID && note.name_bytes == 4 && note.name[0] == 'G' &&
	    note.name[1] == 'N' && note.name[2] == 'U') {
		__u64 n = note.desc_bytes;

		/*
		 * Two comparisons: folded into one of n - 1, verifiers before 6.13 lose n's bound.
		 */
		if (n == 0)
			return 1;
		barrier_var(n);
		if (n <= ABI_BUILD_ID_MAX &&
		    !bpf_probe_read_kernel(o->build_id, n, (void *)(w->page + at + sizeof(note))))
			o->build_id_bytes = n;
		return 1;
	}
	if (note.name_bytes > NOTE_NAME_MAX || note.desc_bytes > PAGE_BYTES)
		return 1;
	w->at = at + 12 + ((note.name_bytes + 3) & ~3u) + ((note.desc_bytes + 3) & ~3u);
	return 0;
}

/* One program header; 1 when the walk is over. */
static long phdr_step(__u32 i, struct build_id_walk *w)
{
	__u64 at = w->phdrs + i * sizeof(struct elf_phdr);
	struct elf_phdr *ph = &w->d->phdr;

	if (at > PAGE_BYTES - sizeof(*ph) ||
	    bpf_probe_read_kernel(ph, sizeof(*ph), (void *)(w->page + at)))
		return 1;
	if (ph->type != PT_NOTE || ph->offset >= PAGE_BYTES)
		return 0;
	w->at = ph->offset;
	w->end = ph->offset + ph->filesz;
	bpf_loop(NOTES_MAX, note_step, w, 0);
	return w->d->object.build_id_bytes != 0;
}

/* The build id of a file into d->object, where its first page has it. */
static __always_inline int build_id_read(struct describe *d, struct file *file)
{
	struct build_id_walk w = {.d = d, .page = first_page(file)};
	struct elf_start *start = &d->start;
	__u32 n;

	if (!w.page || bpf_probe_read_kernel(start, sizeof(*start), (void *)w.page))
		return 0;
	if (start->ident[0] != 0x7f || start->ident[1] != 'E' || start->ident[2] != 'L' ||
	    start->ident[3] != 'F' || start->phentsize != sizeof(struct elf_phdr) ||
	    start->phoff > PAGE_BYTES)
		return 0;
	w.phdrs = start->phoff;
	n = start->phnum;
	bpf_loop(n < PHDRS_MAX ? n : PHDRS_MAX, phdr_step, &w, 0);
	return 0;
}

static __always_inline struct describe *describe_memory(void)
{
	__u32 zero = 0;

	return bpf_map_lookup_elem(&describe_map, &zero);
}

static __always_inline int send(struct describe *d, __u32 head_bytes, __u32 path_bytes)
{
	struct bpf_dynptr ptr;
	int r;

	if (path_bytes > ABI_PATH_BYTES)
		path_bytes = ABI_PATH_BYTES;
	r = bpf_ringbuf_reserve_dynptr(&ring, head_bytes + path_bytes, 0, &ptr);
	if (!r) {
		bpf_dynptr_write(&ptr, 0, d, head_bytes, 0);
		if (path_bytes)
			bpf_dynptr_write(&ptr, head_bytes, d->path, path_bytes, 0);
		bpf_ringbuf_submit_dynptr(&ptr, BPF_RB_FORCE_WAKEUP);
	} else {
		bpf_ringbuf_discard_dynptr(&ptr, 0);
	}
	return r;
}

static __noinline int object_send(struct scratch *s, struct file *file, __u64 start, __u64 end,
				  __u32 is_running)
{
	struct describe *d = describe_memory();
	struct abi_object *o;
	__u32 path_bytes;

	if (!d)
		return 0;
	o = &d->object;
	__builtin_memset(o, 0, sizeof(*o));
	path_bytes = path_read(d, file);
	if (path_bytes > ABI_PATH_BYTES)
		path_bytes = ABI_PATH_BYTES;
	o->bytes = sizeof(*o) + path_bytes;
	o->kind = ABI_RECORD_OBJECT;
	o->mode = BPF_CORE_READ(file, f_inode, i_mode);
	o->uid = BPF_CORE_READ(file, f_inode, i_uid.val);
	o->pid = s->head.pid;
	o->vm_start = start;
	o->vm_end = end;
	o->key = s->key;
	o->is_exe = start == 0;
	o->is_running = is_running;
	o->path_bytes = path_bytes;
	o->process_uid = s->head.uid;
	o->start_ns = s->head.start_ns;
	build_id_read(d, file);
	if (send(d, sizeof(*o), path_bytes))
		count(ABI_COUNTER_OBJECT_LOST);
	return 0;
}

static __always_inline int same_key(const struct abi_file_key *a, const struct abi_file_key *b)
{
	return a->ino == b->ino && a->dev == b->dev && a->mtime_ns == b->mtime_ns &&
	       a->size == b->size && a->generation == b->generation;
}

struct object_search {
	struct scratch *s;
	__u32 kind;
	__u32 number;
	__s32 found;
};

static long object_search_step(__u32 i, struct object_search *f)
{
	struct scratch *s = f->s;
	struct abi_object_ref *ref = &s->object[i & (ABI_SAMPLE_OBJECTS_MAX - 1)];

	if (ref->kind != f->kind || ref->number != f->number)
		return 0;
	if (f->kind == ABI_OBJECT_FILE && !f->number && !same_key(&ref->key, &s->key))
		return 0;
	f->found = i & (ABI_SAMPLE_OBJECTS_MAX - 1);
	return 1;
}

/* Which entry of the sample's object table has this kind and, for files, s->key; -1 none. */
static __always_inline int object_find(struct scratch *s, __u32 kind, __u32 number)
{
	struct object_search f = {.s = s, .kind = kind, .number = number, .found = -1};

	bpf_loop(s->n_objects, object_search_step, &f, 0);
	return f.found;
}

/* What user space says of the file of s->key or of the vdso, into s->info. */
static __always_inline void info_read(struct scratch *s, __u32 kind)
{
	/* On the stack: 6.1 takes no argument of a global function for a key. */
	struct abi_file_key key = ABI_VDSO_KEY;
	struct abi_object_info *info;

	if (kind == ABI_OBJECT_FILE)
		key = s->key;
	info = bpf_map_lookup_elem(&objects, &key);
	if (info)
		s->info = *info;
	else
		__builtin_memset(&s->info, 0, sizeof(s->info));
}

/* The index of an object whose number is known, or of the file of s->key, which has none. */
static __always_inline int object_place(struct scratch *s, __u32 kind, __u32 number)
{
	__u32 at;
	int r;

	r = object_find(s, kind, number);
	if (r >= 0)
		return r;
	at = s->n_objects;
	/* The last place is for the raw frames that a full table makes. */
	if (at == ABI_SAMPLE_OBJECTS_MAX - 1 && kind != ABI_OBJECT_RAW) {
		count(ABI_COUNTER_OBJECTS_FULL);
		return E_FULL;
	}
	if (at >= ABI_SAMPLE_OBJECTS_MAX)
		return E_FULL;
	s->object[at].kind = kind;
	s->object[at].number = number;
	__builtin_memset(&s->object[at].key, 0, sizeof(s->object[at].key));
	if (kind == ABI_OBJECT_FILE && !number)
		s->object[at].key = s->key;
	s->n_objects = at + 1;
	return at;
}

__noinline int object_index(struct scratch *s, __u32 kind, __u64 file, __u64 start, __u64 end)
{
	__u32 number, before;
	int r;

	if (!s)
		return E_FULL;
	if (kind == ABI_OBJECT_FILE || kind == ABI_OBJECT_VDSO)
		info_read(s, kind);
	else
		__builtin_memset(&s->info, 0, sizeof(s->info));
	number = kind == ABI_OBJECT_FILE ? s->info.number : 0;
	before = s->n_objects;
	r = object_place(s, kind, number);
	if (kind == ABI_OBJECT_FILE && !number && s->n_objects > before)
		object_send(s, (void *)file, start, end, 0);
	return r;
}

__noinline int object_again(struct scratch *s, __u32 kind, __u32 number)
{
	return s ? object_place(s, kind, number) : E_FULL;
}

struct cgroup_walk {
	struct describe *d;
	struct kernfs_node *node;
	__u32 at;
};

static long cgroup_step(__u32 i, struct cgroup_walk *w)
{
	struct kernfs_node *node = w->node;
	struct kernfs_node *parent = kernfs_parent(node);

	if (!parent)
		return 1;
	w->node = parent;
	return add_name(w->d, &w->at, BPF_CORE_READ(node, name));
}

/*
 * The deepest cgroup of a task: the v2 one, or where that is the root, the deepest of the v1
 * controllers.
 */
static __always_inline struct cgroup *deepest_cgroup(struct css_set *set)
{
	struct cgroup *best = KERNEL_READ(set, dfl_cgrp);
	int level = KERNEL_READ(best, level);
	__u32 n = bpf_core_field_size(set->subsys) / sizeof(void *);
	__u64 states = (__u64)set + bpf_core_field_offset(set->subsys);

	if (level > 0)
		return best;
	for (__u32 i = 0; i < n && i < SUBSYSTEMS_MAX; i++) {
		struct cgroup_subsys_state *css = (void *)kernel_word((void *)(states + 8 * i));
		struct cgroup *c;
		int l;

		/* The state of a hierarchy's root has no parent. */
		if (!css || !KERNEL_READ(css, parent))
			continue;
		c = KERNEL_READ(css, cgroup);
		l = KERNEL_READ(c, level);
		if (l > level) {
			level = l;
			best = c;
		}
	}
	return best;
}

/* The current task's cgroup into s->head. Returns the address of its struct cgroup. */
__noinline __u64 cgroup_read(struct scratch *s)
{
	struct task_struct *task;
	struct cgroup_root *root;
	struct kernfs_node *node;
	struct cgroup *c;

	if (!s)
		return 0;
	task = s->task;
	c = deepest_cgroup(KERNEL_READ(task, cgroups));
	node = KERNEL_READ(c, kn);
	root = KERNEL_READ(c, root);
	s->head.cgroup = KERNEL_READ(node, id);
	s->head.cgroup_hierarchy = KERNEL_READ(root, hierarchy_id);
	return (__u64)c;
}

/* Describe the sample's cgroup to user space. */
static __noinline int cgroup_send(struct scratch *s, struct cgroup *c)
{
	struct cgroup_walk w = {.d = describe_memory(), .node = KERNEL_READ(c, kn)};

	if (!w.d)
		return 0;
	bpf_loop(COMPONENTS_MAX, cgroup_step, &w, 0);
	if (w.at > ABI_CGROUP_BYTES)
		w.at = ABI_CGROUP_BYTES;
	__builtin_memset(&w.d->cgroup, 0, sizeof(w.d->cgroup));
	w.d->cgroup.bytes = sizeof(struct abi_cgroup) + w.at;
	w.d->cgroup.kind = ABI_RECORD_CGROUP;
	w.d->cgroup.path_bytes = w.at;
	w.d->cgroup.id = s->head.cgroup;
	w.d->cgroup.hierarchy = s->head.cgroup_hierarchy;
	if (send(w.d, sizeof(struct abi_cgroup), w.at))
		count(ABI_COUNTER_CGROUP_LOST);
	return 0;
}

/*
 * The current task's cgroup into s->head; user space is told of one that it has not numbered. Found
 * again from a sample of the process before by the address of its set of cgroups, for a second: a
 * process that changes its cgroups has another set.
 */
__noinline int cgroup_find(struct scratch *s)
{
	struct abi_cgroup_key key = {};
	struct task_struct *task;
	struct cgroup_of now = {};
	struct cgroup_of *kept;
	struct cgroup *c;

	if (!s)
		return 0;
	task = s->task;
	now.set = (__u64)KERNEL_READ(task, cgroups);
	now.stamp = time_stamp(s);
	now.epoch = *(volatile __u32 *)&known_epoch;
	ARCH_READ_BARRIER(s);
	kept = &process_of(s)->cgroup;
	if (kept->set == now.set && kept->stamp == now.stamp && kept->epoch == now.epoch) {
		s->head.cgroup = kept->id;
		s->head.cgroup_hierarchy = kept->hierarchy;
		return 0;
	}
	c = (void *)cgroup_read(s);
	key.id = now.id = s->head.cgroup;
	key.hierarchy = now.hierarchy = s->head.cgroup_hierarchy;
	if (bpf_map_lookup_elem(&cgroups, &key))
		*kept = now;
	else
		cgroup_send(s, c);
	return 0;
}
