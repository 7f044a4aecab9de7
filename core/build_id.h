/* SPDX-License-Identifier: BSD-2-Clause */
/* Which source this image was built from; made by the Makefile. */
#ifndef CORE_BUILD_ID_H
#define CORE_BUILD_ID_H

extern const char build_id[];

#endif
