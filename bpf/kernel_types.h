/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The few fields of kernel structures that we read, relocated at load time (CO-RE) from the running
 * kernel's BTF. A name after three underscores tells apart the layouts that one structure had in
 * different kernels.
 */
#ifndef HEARTH_BPF_KERNEL_TYPES_H
#define HEARTH_BPF_KERNEL_TYPES_H

#include "bpf/registers.h"

#include <linux/types.h>

#define PF_KTHREAD 0x00200000
#define VM_EXEC	   0x00000004

#pragma clang attribute push(__attribute__((preserve_access_index)), apply_to = record)

typedef struct {
	__u32 val;
} kuid_t;

typedef struct {
	long counter;
} atomic_long_t;

struct rw_semaphore {
	atomic_long_t count;
};

struct super_block {
	__u32 s_dev;
};

struct xarray {
	void *xa_head;
};

struct xa_node {
	unsigned char shift;
	void *slots[64];
};

struct page {
	unsigned long flags;
};

struct address_space {
	struct xarray i_pages;
	struct rw_semaphore i_mmap_rwsem;
};

struct timespec64 {
	__s64 tv_sec;
	long tv_nsec;
};

/* 6.11 and later */
struct inode {
	__u16 i_mode;
	kuid_t i_uid;
	struct super_block *i_sb;
	unsigned long i_ino;
	__s64 i_size;
	__s64 i_mtime_sec;
	__u32 i_mtime_nsec;
	__u32 i_generation;
};

/* 6.7 to 6.10 */
struct inode___wrapped {
	struct timespec64 __i_mtime;
};

/* up to 6.6 */
struct inode___plain {
	struct timespec64 i_mtime;
};

struct qstr {
	const unsigned char *name;
};

struct dentry {
	struct dentry *d_parent;
	struct qstr d_name;
};

struct vfsmount {
	struct dentry *mnt_root;
};

struct mount {
	struct mount *mnt_parent;
	struct dentry *mnt_mountpoint;
	struct vfsmount mnt;
};

struct path {
	struct vfsmount *mnt;
	struct dentry *dentry;
};

struct file {
	struct path f_path;
	struct inode *f_inode;
	struct address_space *f_mapping;
};

struct maple_tree {
	void *ma_root;
};

/* A node of a maple tree, of whatever type: words from its parent on. */
struct maple_range_64 {
	void *parent;
	unsigned long pivot[15];
};

typedef struct {
	void *vdso;
} mm_context_t;

struct seqcount {
	unsigned int sequence;
};

/* As in 6.18. 6.1 does not count changes to the mappings. */
struct mm_struct {
	struct maple_tree mm_mt;
	struct rw_semaphore mmap_lock;
	struct seqcount mm_lock_seq;
	struct file *exe_file;
	mm_context_t context;
};

/* As in 6.12. */
struct mm_struct___number {
	int mm_lock_seq;
};

struct vm_area_struct {
	unsigned long vm_start;
	unsigned long vm_end;
	struct mm_struct *vm_mm;
	unsigned long vm_flags;
	unsigned long vm_pgoff;
	struct file *vm_file;
};

struct kernfs_node {
	struct kernfs_node *__parent; /* 6.15 and later */
	const char *name;
	__u64 id;
};

struct kernfs_node___before {
	struct kernfs_node *parent;
};

struct cgroup_root {
	int hierarchy_id;
};

struct cgroup {
	int level;
	struct kernfs_node *kn;
	struct cgroup_root *root;
};

struct cgroup_subsys_state {
	struct cgroup *cgroup;
	struct cgroup_subsys_state *parent;
};

struct css_set {
	struct cgroup_subsys_state *subsys[16];
	struct cgroup *dfl_cgrp;
};

struct cred {
	kuid_t uid;
};

struct task_struct {
	unsigned int flags;
	struct mm_struct *mm;
	int pid;
	int tgid;
	struct task_struct *group_leader;
	__u64 start_boottime;
	char comm[16];
	struct css_set *cgroups;
	const struct cred *cred;
	__u64 self_exec_id;
};

/* What an iterator over mappings has at hand; NULL behind the last. */
struct bpf_iter__task_vma {
	struct task_struct *task;
	struct vm_area_struct *vma;
};

#pragma clang attribute pop

struct bpf_perf_event_data {
	struct arch_regs regs;
	__u64 sample_period;
	__u64 addr;
};

#endif
