/* Feature probes by BPF: type information, programs, lockdown, the ring buffer. See features.h. */
#include <bpf/bpf.h>
#include <bpf/btf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/bpf.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "profiler/base/cleanup.h"
#include "profiler/features/features_probes.h"

#define BTF_PATH	    "/sys/kernel/btf/vmlinux"
#define ANONYMOUS_DEPTH_MAX 8 /* nobody nests deeper; BTF of a broken kernel may */

/*
 * Members of anonymous structs and unions inside count as its own: they move in and out of those
 * between kernels.
 */
static bool type_has(const struct btf *btf, __u32 id, const char *member, unsigned int depth)
{
	const struct btf_type *t = btf__type_by_id(btf, id);
	const struct btf_member *m;

	if (!t || !btf_is_composite(t) || depth == ANONYMOUS_DEPTH_MAX)
		return false;
	m = btf_members(t);
	for (__u16 i = 0; i < btf_vlen(t); i++) {
		const char *name = btf__name_by_offset(btf, m[i].name_off);

		if (name && name[0] ? strcmp(name, member) == 0
				    : type_has(btf, m[i].type, member, depth + 1))
			return true;
	}
	return false;
}

static bool struct_has(const struct btf *btf, const char *name, const char *member)
{
	int id = btf__find_by_name_kind(btf, name, BTF_KIND_STRUCT);

	return id > 0 && type_has(btf, (__u32)id, member, 0);
}

/* What the walk of the VMA tree reads; the first that is not there, or NULL. */
static const char *missing_for_walk(const struct btf *btf)
{
	static const struct {
		const char *type, *member, *shown;
	} wanted[] = {
		{"mm_struct", "mm_mt", "mm_struct.mm_mt"},
		{"mm_struct", "mmap_lock", "mm_struct.mmap_lock"},
		{"maple_tree", "ma_root", "maple_tree.ma_root"},
		{"vm_area_struct", "vm_start", "vm_area_struct.vm_start"},
		{"vm_area_struct", "vm_mm", "vm_area_struct.vm_mm"},
		{"vm_area_struct", "vm_pgoff", "vm_area_struct.vm_pgoff"},
		{"vm_area_struct", "vm_file", "vm_area_struct.vm_file"},
		{"file", "f_inode", "file.f_inode"},
	};

	for (size_t i = 0; i < sizeof(wanted) / sizeof(wanted[0]); i++)
		if (!struct_has(btf, wanted[i].type, wanted[i].member))
			return wanted[i].shown;
	return NULL;
}

void features_probe_btf(struct feature *btf, struct feature *mappings)
{
	const char *walk_cost = "user stacks are walked by frame pointers, and very short-lived "
				"processes lose names";
	libbpf_print_fn_t print =
		libbpf_set_print(NULL); /* what it would say is said by the features */
	struct btf *types = btf__load_vmlinux_btf();
	int error = errno;
	const char *missing;
	char found[160];

	libbpf_set_print(print);
	if (!types) {
		snprintf(found, sizeof(found), "%s: %s", BTF_PATH,
			 error == ESRCH ? "none is found" : strerror(error));
		features_missing(
			btf, found,
			"the programs cannot be fitted to this kernel: there is no sampling",
			"a kernel with CONFIG_DEBUG_INFO_BTF, as all of Debian, Ubuntu and Fedora; "
			"/sys mounted");
		features_missing(mappings, "not known without BTF", walk_cost, "see btf");
		return;
	}
	features_there(btf, "%s, %u types", BTF_PATH, btf__type_cnt(types));
	missing = missing_for_walk(types);
	snprintf(found, sizeof(found), "this kernel has no %s", missing ? missing : "");
	if (missing)
		features_missing(mappings, found, walk_cost, "a kernel from 6.1 on");
	else
		features_there(mappings, "the kernel's own tree of mappings can be read");
	btf__free(types);
}

bool features_has_btf(void)
{
	_cleanup_close_ int fd = open(BTF_PATH, O_RDONLY | O_CLOEXEC);
	struct btf_header head = {};

	return fd >= 0 && read(fd, &head, sizeof(head)) == sizeof(head) && head.magic == BTF_MAGIC;
}

/* With read_kernel the program calls what a locked-down kernel refuses. 0 or negative errno. */
static int try_program(bool read_kernel)
{
	/* clang-format off: one instruction a line */
	static const struct bpf_insn plain[] = {
		{.code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = BPF_REG_0, .imm = 0},
		{.code = BPF_JMP | BPF_EXIT},
	};
	static const struct bpf_insn reading[] = {
		{.code = BPF_ALU64 | BPF_MOV | BPF_X, .dst_reg = BPF_REG_1, .src_reg = BPF_REG_10},
		{.code = BPF_ALU64 | BPF_ADD | BPF_K, .dst_reg = BPF_REG_1, .imm = -8},
		{.code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = BPF_REG_2, .imm = 8},
		{.code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = BPF_REG_3, .imm = 0},
		{.code = BPF_JMP | BPF_CALL, .imm = BPF_FUNC_probe_read_kernel},
		{.code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = BPF_REG_0, .imm = 0},
		{.code = BPF_JMP | BPF_EXIT},
	};
	/* clang-format on */
	const struct bpf_insn *insns = read_kernel ? reading : plain;
	size_t n = read_kernel ? sizeof(reading) / sizeof(reading[0])
			       : sizeof(plain) / sizeof(plain[0]);
	_cleanup_close_ int fd =
		bpf_prog_load(BPF_PROG_TYPE_PERF_EVENT, "hearth_probe", "GPL", insns, n, NULL);

	return fd < 0 ? -errno : 0;
}

/* "[none] integrity confidentiality": the word in brackets. */
static bool read_lockdown(char *ret, size_t bytes)
{
	_cleanup_fclose_ FILE *f = fopen("/sys/kernel/security/lockdown", "re");
	char line[128], *from, *to;

	if (!f || !fgets(line, sizeof(line), f))
		return false;
	from = strchr(line, '[');
	to = from ? strchr(from, ']') : NULL;
	if (!to)
		return false;
	*to = '\0';
	snprintf(ret, bytes, "%s", from + 1);
	return true;
}

static void probe_lockdown(struct feature *lockdown)
{
	char mode[32] = "";
	bool known = read_lockdown(mode, sizeof(mode));
	int r = try_program(true);

	if (r == 0) {
		features_there(lockdown, "%s%sBPF may read kernel memory", mode, known ? ": " : "");
		return;
	}
	features_missing(lockdown, known ? mode : "BPF may not read kernel memory",
			 "the kernel refuses what samples are made of: there is no sampling",
			 "boot without lockdown=confidentiality; integrity is fine");
}

void features_probe_bpf(struct feature *bpf, struct feature *lockdown)
{
	int r = try_program(false);
	char found[160];

	if (r == 0) {
		features_there(bpf, "programs on perf events can be loaded");
		probe_lockdown(lockdown);
		return;
	}
	snprintf(found, sizeof(found), "a program on perf events: %s", strerror(-r));
	features_missing(bpf, found, "there is no sampling",
			 r == -EPERM || r == -EACCES
				 ? "run it as root; in a container grant CAP_BPF and CAP_PERFMON, "
				   "and allow bpf "
				   "in its seccomp profile"
				 : "a kernel with CONFIG_BPF_SYSCALL and CONFIG_BPF_EVENTS");
	features_missing(lockdown, "not known while no program can be loaded", "see bpf",
			 "see bpf");
}

void features_probe_ring(struct feature *ring)
{
	_cleanup_close_ int fd = bpf_map_create(BPF_MAP_TYPE_RINGBUF, "hearth_probe", 0, 0,
						(__u32)sysconf(_SC_PAGESIZE), NULL);
	int r = fd < 0 ? -errno : 0;
	char found[160];

	snprintf(found, sizeof(found), "making one: %s", strerror(-r));
	if (r == 0)
		features_there(ring, "BPF ring buffers can be made");
	else
		features_missing(ring, found,
				 "samples cannot leave the kernel: there is no sampling",
				 r == -EPERM ? "run it as root"
					     : "a kernel with CONFIG_BPF_SYSCALL, 5.8 or later");
}
