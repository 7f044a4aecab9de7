// SPDX-License-Identifier: BSD-2-Clause
/* Limits on how often something may be. */
#include "core/rate.h"

u64 rate_take(struct rate *r, u64 now, u64 step, u32 burst)
{
	u64 ahead = r->paid > now ? r->paid - now : 0;
	u64 credit = step * (burst - 1);

	if (ahead > credit)
		return ahead - credit;
	r->paid = now + ahead + step;
	return 0;
}
