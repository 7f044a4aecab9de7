// SPDX-License-Identifier: BSD-2-Clause
/* svm/nmi.c where the interrupt shadow that an NMI came in is forgotten. */
#include "svm/internal.h"
#undef INTERRUPT_SHADOW
#define INTERRUPT_SHADOW 0UL
#include "svm/nmi.c"
