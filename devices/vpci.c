// SPDX-License-Identifier: BSD-2-Clause
/* PCI configuration space as a guest sees it. */
#include "devices/vpci.h"

#define PCI_ADDRESS_PORT 0xcf8
#define PCI_DATA_PORT	 0xcfc

/* The address port (PCI Local Bus 3.0, 3.2.2.3.2) */
#define CONFIG_ENABLE	BIT(31)
#define CONFIG_RESERVED 0x7f000003U

/* Which bits of the command register are the guest's */
#define COMMAND_WRITABLE                                            \
	(PCI_COMMAND_IO | PCI_COMMAND_MEMORY | PCI_COMMAND_MASTER | \
	 PCI_COMMAND_INTX_OFF)
/* Error bits, cleared by writing ones (6.2.3) */
#define STATUS_WRITABLE 0xf900U

/*
 * A generic host bridge that no driver wants: Red Hat's, which QEMU uses for
 * the same purpose; class 0600h.
 */
#define BRIDGE_ID    0x00081b36U
#define BRIDGE_CLASS 0x06000000U

/* A guest's only capability is right behind the header. */
#define CAPABILITY   PCI_HEADER_SIZE
#define MSIX_CONTROL (PCI_MSIX_ENABLE | PCI_MSIX_MASK)

#define BYTE_MASK(size) ((u32)(BIT(8 * (size)) - 1))

void vpci_reset(struct vpci *v)
{
	struct vpci_function *f;
	u32 n;

	v->address = 0;
	for (f = v->function; f < v->function + v->nr; f++) {
		f->line = f->host_line;
		f->msix.control = 0;
		f->msi.entry = (struct msix_entry){ 0 };
		f->msi.enabled = false;
		for (n = 0; n < VPCI_BARS; n++)
			f->bar[n].sizing = false;
	}
}

/* The index of a function, v->nr for none. */
static u32 find(const struct vpci *v, u16 address)
{
	u32 i;

	for (i = 0; i < v->nr && vpci_address(i) != address; i++)
		;
	return i;
}

/* Does the access name a register?  Its dword is left in *reg. */
static bool decode(u32 address, u32 offset, u32 size, u16 *function, u32 *reg)
{
	if (!(address & CONFIG_ENABLE) || (address & CONFIG_RESERVED) ||
	    offset + size > 4)
		return false;
	*function = (u16)(address >> 8);
	*reg = address & 0xfc;
	return true;
}

/* A BAR's address is a multiple of its size, so what is not mask is flags. */
static u32 read_bar(const struct vpci_bar *b)
{
	return b->sizing ? b->value | b->mask : b->value;
}

static u32 read_bridge(u32 reg)
{
	switch (reg) {
	case PCI_VENDOR_ID:
		return BRIDGE_ID;
	case PCI_REVISION:
		return BRIDGE_CLASS;
	default:
		return 0;
	}
}

static u32 read_msix(const struct vpci_msix *m, u32 reg)
{
	switch (reg) {
	case CAPABILITY:
		return (u32)(m->control | (m->entries - 1)) << 16 |
		       PCI_CAP_MSIX;
	case CAPABILITY + PCI_MSIX_TABLE:
		return m->table;
	case CAPABILITY + PCI_MSIX_PENDING:
		return m->pending;
	default:
		return 0;
	}
}

static u32 read_msi(const struct vpci_msi *m, u32 reg)
{
	switch (reg) {
	case CAPABILITY:
		return PCI_CAP_MSI | PCI_MSI_64 |
		       (m->enabled ? (u32)PCI_MSI_ENABLE : 0);
	case CAPABILITY + PCI_MSI_LOW:
		return m->entry.low;
	case CAPABILITY + PCI_MSI_HIGH:
		return m->entry.high;
	case CAPABILITY + PCI_MSI_DATA_64:
		return m->entry.data;
	default:
		return 0;
	}
}

static bool has_capability(const struct vpci_function *f)
{
	return f->msix.where || f->msi.where;
}

static u32 read_capabilities(const struct vpci_function *f, u32 reg)
{
	if (!has_capability(f))
		return 0;
	if (reg == PCI_CAPABILITIES)
		return CAPABILITY;
	return f->msix.where ? read_msix(&f->msix, reg) :
			       read_msi(&f->msi, reg);
}

static u32 read_line(const struct vpci *v, const struct vpci_function *f)
{
	u32 value = v->read(f->address, PCI_INTERRUPT_LINE) & ~0xffU;

	return (f->pin ? value : value & ~0xff00U) | f->line;
}

static u32 read_function(const struct vpci *v, const struct vpci_function *f,
			 u32 reg)
{
	u32 value;

	switch (reg) {
	case PCI_VENDOR_ID:
	case PCI_REVISION:
	case PCI_CIS:
	case PCI_SUBSYSTEM:
		return v->read(f->address, reg);
	case PCI_COMMAND:
		value = v->read(f->address, reg) &
			~(u32)PCI_STATUS_CAPABILITIES;
		return value |
		       (has_capability(f) ? PCI_STATUS_CAPABILITIES : 0);
	case PCI_CACHE_LINE:
		return v->read(f->address, reg) & (0xffff | PCI_HEADER_TYPE);
	case PCI_INTERRUPT_LINE:
		return read_line(v, f);
	default:
		break;
	}
	if (reg >= PCI_BAR(0) && reg < PCI_BAR(VPCI_BARS))
		return read_bar(&f->bar[(reg - PCI_BAR(0)) / 4]);
	return read_capabilities(f, reg);
}

u32 vpci_read(const struct vpci *v, u32 address, u32 offset, u32 size)
{
	u32 value, reg, i;
	u16 function;

	if (!decode(address, offset, size, &function, &reg))
		return BYTE_MASK(size);
	i = find(v, function);
	if (i < v->nr)
		value = read_function(v, &v->function[i], reg);
	else if (v->nr && !function)
		value = read_bridge(reg);
	else
		value = ~0U;
	return value >> 8 * offset & BYTE_MASK(size);
}

/* `bytes` are those of the register that are written. */
static void write_command(const struct vpci *v, const struct vpci_function *f,
			  u32 bytes, u32 value)
{
	u32 writable = COMMAND_WRITABLE & bytes;
	u32 old = v->read(f->address, PCI_COMMAND);
	u32 errors = value >> 16 & STATUS_WRITABLE & bytes >> 16;

	if (f->quarantined)
		value &= ~(u32)PCI_COMMAND_MASTER;
	if (bytes & 0xffff)
		v->write16(f->address, PCI_COMMAND,
			   (u16)((old & ~writable) | (value & writable)));
	if (errors)
		v->write16(f->address, PCI_STATUS, (u16)errors);
}

static void write_msix(const struct vpci *v, struct vpci_function *f, u32 reg,
		       u32 bytes, u32 value)
{
	u32 writable = MSIX_CONTROL & bytes;

	if (reg != CAPABILITY || !writable)
		return;
	f->msix.control &= (u16) ~(writable >> 16);
	f->msix.control |= (u16)((value & writable) >> 16);
	v->write16(f->address, f->msix.where + 2, f->msix.control);
}

static void replace(u32 *value, u32 bytes, u32 with)
{
	*value = (*value & ~bytes) | with;
}

/* The device's own message is enabled behind the guest's, and before it off. */
static void enable_msi(const struct vpci *v, struct vpci_function *f, bool on)
{
	f->msi.enabled = on;
	v->write16(f->address, f->msi.where + 2, on ? PCI_MSI_ENABLE >> 16 : 0);
}

static void write_msi(const struct vpci *v, struct vpci_function *f, u32 reg,
		      u32 bytes, u32 value)
{
	struct msix_entry *e = &f->msi.entry;
	bool on = f->msi.enabled;
	struct irq_msg m;

	if (reg == CAPABILITY && (bytes & PCI_MSI_ENABLE))
		on = value & PCI_MSI_ENABLE;
	else if (reg == CAPABILITY + PCI_MSI_LOW)
		replace(&e->low, bytes & ~3U, value & ~3U);
	else if (reg == CAPABILITY + PCI_MSI_HIGH)
		replace(&e->high, bytes, value);
	else if (reg == CAPABILITY + PCI_MSI_DATA_64)
		replace(&e->data, bytes & 0xffff, value & 0xffff);
	else
		return;
	if (!msix_decode(e, &m) || !on)
		m = (struct irq_msg){ .masked = true };
	v->want(v->ctx, (u32)(f - v->function), &m);
	if (on != f->msi.enabled)
		enable_msi(v, f, on);
}

static void write_capability(const struct vpci *v, struct vpci_function *f,
			     u32 reg, u32 bytes, u32 value)
{
	if (f->msix.where)
		write_msix(v, f, reg, bytes, value);
	else if (f->msi.where)
		write_msi(v, f, reg, bytes, value);
}

static void write_bar(struct vpci_bar *b, u32 bytes, u32 value)
{
	if (bytes == ~0U)
		b->sizing = (value & b->mask) == b->mask;
}

void vpci_write(struct vpci *v, u32 address, u32 offset, u32 size, u32 value)
{
	struct vpci_function *f;
	u32 bytes, reg, i;
	u16 function;

	if (!decode(address, offset, size, &function, &reg))
		return;
	i = find(v, function);
	if (i == v->nr)
		return;
	f = &v->function[i];
	bytes = BYTE_MASK(size) << 8 * offset;
	value = value << 8 * offset & bytes;
	if (reg == PCI_COMMAND)
		write_command(v, f, bytes, value);
	else if (reg == PCI_INTERRUPT_LINE && (bytes & 0xff))
		f->line = (u8)value;
	else if (reg >= CAPABILITY)
		write_capability(v, f, reg, bytes, value);
	else if (reg >= PCI_BAR(0) && reg < PCI_BAR(VPCI_BARS))
		write_bar(&f->bar[(reg - PCI_BAR(0)) / 4], bytes, value);
}

bool vpci_io(struct vpci *v, u16 port, u8 size, bool write, u32 *value)
{
	bool address = port == PCI_ADDRESS_PORT && size == 4;
	u32 offset = (u32)port - PCI_DATA_PORT;

	if (!address && (offset > 3 || offset + size > 4))
		return false;
	if (address && write)
		v->address = *value;
	else if (address)
		*value = v->address;
	else if (write)
		vpci_write(v, v->address, offset, size, *value);
	else
		*value = vpci_read(v, v->address, offset, size);
	return true;
}
