// SPDX-License-Identifier: BSD-2-Clause
/* What loaders share. */
#include "guest/loader.h"
#include "core/lib.h"

u32 loader_e820(const struct guest_layout *layout,
		struct e820_entry map[E820_ENTRIES])
{
	const struct e820_entry all[E820_ENTRIES] = {
		{ 0, GUEST_LOW_END, E820_RAM },
		{ GUEST_ACPI, GUEST_ACPI_END - GUEST_ACPI, E820_RESERVED },
		{ layout->main, layout->main_end - layout->main, E820_RAM },
		{ GUEST_ECAM, GUEST_ECAM_END - GUEST_ECAM, E820_RESERVED },
		{ GUEST_HOLE_END, layout->high, E820_RAM },
	};

	memcpy(map, all, sizeof(all));
	return layout->high ? E820_ENTRIES : E820_ENTRIES - 1;
}

int refuse(const struct report *r, const char *fmt, ...)
{
	va_list ap;
	size_t n = fmt_snprintf(r->buf, r->size, "%s %s: ", r->what, r->name);

	if (n >= r->size)
		return -EINVAL;
	va_start(ap, fmt);
	fmt_vsnprintf(r->buf + n, r->size - n, fmt, ap);
	va_end(ap);
	return -EINVAL;
}
