// SPDX-License-Identifier: BSD-2-Clause
/*
 * Configuration space against any sequence of accesses: only assigned functions
 * are touched, and of those only the writable bits of command and status.
 */
#include <stdlib.h>
#include <string.h>
#include "core/types.h"
#include "devices/vpci.h"

int LLVMFuzzerTestOneInput(const u8 *data, size_t size);

#define WRITABLE 0x0407U
#define ERRORS	 0xf900U
#define STEP	 10
#define MSIX	 0xb0
#define MSIX_SET 0xc000

static const u16 addresses[] = { 0x10, 0x11, 0x21f };
static u32 device[ARRAY_SIZE(addresses)][64];

static u32 index_of(u16 address)
{
	u32 i;

	for (i = 0; i < ARRAY_SIZE(addresses); i++)
		if (addresses[i] == address)
			return i;
	abort();
}

static u32 on_read(u16 address, u32 reg)
{
	if (reg % 4 || reg > 0xff)
		abort();
	return device[index_of(address)][reg / 4];
}

static void on_write(u16 address, u32 reg, u16 value)
{
	u32 *command = &device[index_of(address)][1];

	if (reg == PCI_STATUS && (value & ~ERRORS))
		abort();
	if (reg == PCI_STATUS) {
		*command &= ~((u32)value << 16);
		return;
	}
	if (reg == MSIX + 2 && !(value & ~MSIX_SET))
		return;
	if (reg != PCI_COMMAND || ((value ^ *command) & 0xffff & ~WRITABLE))
		abort();
	*command = (*command & 0xffff0000) | value;
}

static void init(struct vpci *v, u8 seed)
{
	u32 i, n;

	memset(v, 0, sizeof(*v));
	memset(device, seed, sizeof(device));
	v->read = on_read;
	v->write16 = on_write;
	v->nr = seed % (ARRAY_SIZE(addresses) + 1);
	for (i = 0; i < v->nr; i++) {
		v->function[i].address = addresses[i];
		v->function[i].pin = seed & 0x80;
		if (i)
			v->function[i].msix =
				(struct pci_msix){ MSIX, 65, 0x2000, 0x3000 };
		for (n = 0; n < PCI_BARS; n++)
			v->function[i].bar[n] = (struct vpci_bar){
				0xfe000000U >> n | n, 0xfffe0000U << n, false
			};
	}
	vpci_reset(v);
}

/* What can't change, and what an access of that size can't bring. */
static void check(struct vpci *v, u32 address, u32 offset, u32 size)
{
	u32 value = vpci_read(v, address, offset, size);
	u32 i, n;

	if (size < 4 && value >> 8 * size)
		abort();
	for (i = 0; i < v->nr; i++)
		for (n = 0; n < PCI_BARS; n++)
			if (v->function[i].bar[n].value !=
			    (0xfe000000U >> n | n))
				abort();
}

int LLVMFuzzerTestOneInput(const u8 *data, size_t size)
{
	static struct vpci v;
	u32 address, value;

	if (!size)
		return 0;
	init(&v, data[0]);
	for (data++, size--; size >= STEP; data += STEP, size -= STEP) {
		u32 width = 1U << data[8] % 3, offset = data[9] % 4;

		memcpy(&address, data, sizeof(address));
		memcpy(&value, data + 4, sizeof(value));
		/* Mostly what exists. */
		if (address & 1)
			address = (address & 0xfc) | 0x80000000U |
				  (u32)vpci_address(address >> 8 & 1) << 8;
		vpci_write(&v, address, offset, width, value);
		check(&v, address, offset, width);
	}
	return 0;
}
