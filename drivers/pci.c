// SPDX-License-Identifier: BSD-2-Clause
#include "drivers/pci.h"
#include "core/io.h"
#include "core/types.h"

#define CONFIG_ADDRESS 0xcf8
#define CONFIG_DATA    0xcfc
#define CONFIG_ENABLE  0x80000000U

#define PCI_BUSES     256
#define PCI_DEVICES   32
#define PCI_FUNCTIONS 8

/* Registers, as dwords that hold them */
#define PCI_ID			0x00
#define PCI_COMMAND		0x04
#define PCI_HEADER		0x0c
#define PCI_CAPABILITIES	0x34
#define PCI_COMMAND_MASTER	BIT(2)
#define PCI_STATUS_CAPABILITIES BIT(20)
#define PCI_HEADER_MULTI	BIT(23)

#define PCI_CAP_MSI	0x05
#define PCI_CAP_MSIX	0x11
#define PCI_MSI_ENABLE	BIT(16)
#define PCI_MSIX_ENABLE BIT(31)
/* No list is longer than the space behind the header holds. */
#define PCI_MAX_CAPABILITIES 48

static u32 address(u32 function, u32 reg)
{
	return CONFIG_ENABLE | function << 8 | reg;
}

static u32 config_read(u32 function, u32 reg)
{
	outl(CONFIG_ADDRESS, address(function, reg));
	return inl(CONFIG_DATA);
}

static void config_write(u32 function, u32 reg, u32 value)
{
	outl(CONFIG_ADDRESS, address(function, reg));
	outl(CONFIG_DATA, value);
}

static void quiet_msi(u32 function)
{
	u32 pos = config_read(function, PCI_CAPABILITIES) & 0xfc;
	u32 cap, i;

	for (i = 0; pos && i < PCI_MAX_CAPABILITIES; i++) {
		cap = config_read(function, pos);
		if ((cap & 0xff) == PCI_CAP_MSI)
			config_write(function, pos, cap & ~(u32)PCI_MSI_ENABLE);
		else if ((cap & 0xff) == PCI_CAP_MSIX)
			config_write(function, pos,
				     cap & ~(u32)PCI_MSIX_ENABLE);
		pos = cap >> 8 & 0xfc;
	}
}

static void quiet_function(u32 function)
{
	u32 command = config_read(function, PCI_COMMAND);

	if (command & PCI_STATUS_CAPABILITIES)
		quiet_msi(function);
	/* The status half is write-1-to-clear: leave it alone. */
	config_write(function, PCI_COMMAND,
		     command & 0xffff & ~(u32)PCI_COMMAND_MASTER);
}

static void quiet_device(u32 device)
{
	u32 f, functions;

	if (config_read(device * PCI_FUNCTIONS, PCI_ID) == ~0U)
		return;
	functions = config_read(device * PCI_FUNCTIONS, PCI_HEADER) &
				    PCI_HEADER_MULTI ?
			    PCI_FUNCTIONS :
			    1;
	for (f = 0; f < functions; f++)
		if (config_read(device * PCI_FUNCTIONS + f, PCI_ID) != ~0U)
			quiet_function(device * PCI_FUNCTIONS + f);
}

void pci_quiet(void)
{
	u32 device;

	for (device = 0; device < PCI_BUSES * PCI_DEVICES; device++)
		quiet_device(device);
}
