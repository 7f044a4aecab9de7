/* SPDX-License-Identifier: BSD-2-Clause */
/* The partition table in words, for the host only.  Pure; no allocation. */
#ifndef TOOLS_TABLE_EXPLAIN_H
#define TOOLS_TABLE_EXPLAIN_H

#include "table/table.h"

/* Who gets what, in lines without a line end, for a table that parsed. */
void table_explain(const struct table *t,
		   void (*print)(void *ctx, const char *line), void *ctx);

#endif
