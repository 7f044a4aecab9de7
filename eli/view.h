/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The two views that a vCPU has of its partition's memory.  Injecting, it uses
 * the partition's own tables, where each page that is an IDT is read-only.  Eli
 * mode has tables of its own, four per vCPU, which differ in one leaf: there
 * the page of the vCPU's IDT is its shadow.
 *
 * Pure; the caller holds the partition's lock.  All memory is handed over by
 * views_init().  A table that is taken out may still be in the TLB of a core
 * that runs the partition: it waits for views_flushed() before it is used
 * again.
 */
#ifndef ELI_VIEW_H
#define ELI_VIEW_H

#include "core/slat.h"

/* Tables per vCPU: its own path, and two to split large leaves with. */
#define VIEW_PATH_TABLES  SLAT_TOP
#define VIEW_SPLIT_TABLES 2
#define VIEW_TABLES	  (VIEW_PATH_TABLES + VIEW_SPLIT_TABLES)

#define VIEW_NO_PAGE (~0UL)

enum view_split_state {
	SPLIT_FREE,
	SPLIT_USED,
	SPLIT_STALE, /* out of the tables, perhaps still in a TLB */
};

/* A large leaf that is a table for the time being. */
struct view_split {
	enum view_split_state state;
	u32 level; /* of the leaf */
	u64 gpa;   /* where it begins */
	u64 leaf;
	u64 table; /* physical address */
};

struct views {
	struct slat slat; /* while injecting */
	u32 vcpus;
	u64 tables;	     /* the first of the pages handed over */
	u64 page[MAX_VCPUS]; /* where each vCPU's IDT is */
	struct view_split split[VIEW_SPLIT_TABLES * MAX_VCPUS];
};

/* `tables`: VIEW_TABLES * vcpus pages, all reachable by t->table(). */
void views_init(struct views *w, const struct slat *t, u32 vcpus, u64 tables);

/*
 * gpa, page-aligned, is the vCPU's IDT, and read-only in all views.  1: the
 * tables have changed, so that TLBs must be flushed; 0: they have not.
 * -EFAULT: not mapped; -EBUSY: the tables for it wait for a flush.
 */
int __must_check views_protect(struct views *w, u32 vcpu, u64 gpa);

/* It is no longer.  Returns whether the tables have changed. */
bool views_release(struct views *w, u32 vcpu);

/* Does gpa lie in a page that is an IDT? */
bool views_protected(const struct views *w, u64 gpa);

/* Each core that runs the partition has flushed its TLB since the change. */
void views_flushed(struct views *w);

/*
 * Builds the vCPU's own view from the partition's tables as they are now, with
 * `shadow` in place of the page of its IDT.  Returns its root.
 */
u64 views_build(struct views *w, u32 vcpu, u64 shadow);

#endif
