// SPDX-License-Identifier: BSD-2-Clause
/* PCI configuration space as a guest sees it. */
#include "devices/vpci.h"

/* Of the address port (PCI Local Bus 3.0, 3.2.2.3.2) */
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
		f->msix_control = 0;
		f->msi.entry = (struct msix_entry){ 0 };
		f->msi.control = 0;
		for (n = 0; n < PCI_BARS; n++)
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
	if (!(address & PCI_CONFIG_ENABLE) || (address & CONFIG_RESERVED) ||
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
	if (reg == PCI_VENDOR_ID)
		return BRIDGE_ID;
	return reg == PCI_REVISION ? BRIDGE_CLASS : 0;
}

/* Dword n of the guest's capability, and what is behind. */
static u32 read_capability(const struct vpci_function *f, u32 n)
{
	const struct msix_entry *e = &f->msi.entry;
	const u32 msix[] = {
		PCI_CAP_MSIX | (f->msix_control | (f->msix.entries - 1)) << 16,
		f->msix.table,
		f->msix.pending,
	};
	const u32 msi[] = {
		PCI_CAP_MSI | PCI_MSI_64 | f->msi.control |
			f->msi.many << PCI_MSI_CAPABLE_SHIFT,
		e->low,
		e->high,
		e->data,
	};

	if (f->msix.where)
		return n < ARRAY_SIZE(msix) ? msix[n] : 0;
	return f->msi.where && n < ARRAY_SIZE(msi) ? msi[n] : 0;
}

static bool has_capability(const struct vpci_function *f)
{
	return f->msix.where || f->msi.where;
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
	case PCI_CAPABILITIES:
		return has_capability(f) ? CAPABILITY : 0;
	case PCI_CACHE_LINE:
		return v->read(f->address, reg) & (0xffff | PCI_HEADER_TYPE);
	case PCI_INTERRUPT_LINE:
		return read_line(v, f);
	default:
		break;
	}
	if (reg >= PCI_BAR(0) && reg < PCI_BAR(PCI_BARS))
		return read_bar(&f->bar[(reg - PCI_BAR(0)) / 4]);
	return reg < CAPABILITY ? 0 :
				  read_capability(f, (reg - CAPABILITY) / 4);
}

static u32 read_dword(const struct vpci *v, u16 function, u32 reg)
{
	u32 i = find(v, function);

	if (i < v->nr)
		return read_function(v, &v->function[i], reg);
	return v->nr && !function ? read_bridge(reg) : ~0U;
}

u32 vpci_read(const struct vpci *v, u32 address, u32 offset, u32 size)
{
	u16 function;
	u32 reg;

	if (!decode(address, offset, size, &function, &reg))
		return BYTE_MASK(size);
	return read_dword(v, function, reg) >> 8 * offset & BYTE_MASK(size);
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

static void write_msix(const struct vpci *v, struct vpci_function *f, u32 n,
		       u32 bytes, u32 value)
{
	u32 writable = MSIX_CONTROL & bytes;

	if (n || !writable)
		return;
	f->msix_control &= (u16) ~(writable >> 16);
	f->msix_control |= (u16)((value & writable) >> 16);
	v->write16(f->address, f->msix.where + 2, f->msix_control);
}

/* All are told; those beyond as many as it has asked for go nowhere. */
static void want_messages(const struct vpci *v, const struct vpci_function *f)
{
	const struct vpci_msi *i = &f->msi;
	u32 on = i->control & PCI_MSI_ENABLE ? 1U << PCI_MSI_MANY(i->control) :
					       0;
	struct msix_entry e = i->entry;
	struct irq_msg m;
	u32 k;

	for (k = 0; k < 1U << i->many; k++) {
		e.data = on ? (i->entry.data & ~(on - 1)) | k : 0;
		if (!msix_decode(&e, &m) || k >= on)
			m = (struct irq_msg){ .masked = true };
		v->want(v->ctx, (u32)(f - v->function), k, &m);
	}
}

/* More than there can be are as many as there can be. */
static u32 limit_messages(const struct vpci_msi *i)
{
	u32 many = MIN(PCI_MSI_MANY(i->control), i->many);

	return (i->control & PCI_MSI_ENABLE) | many << PCI_MSI_MANY_SHIFT;
}

/* The device's own message is enabled behind the guest's, and before it off. */
static void write_msi(const struct vpci *v, struct vpci_function *f, u32 n,
		      u32 bytes, u32 value)
{
	static const u32 writable[] = { PCI_MSI_ENABLE | PCI_MSI_MANY_MASK, ~3U,
					~0U, 0xffff };
	struct vpci_msi *i = &f->msi;
	u32 *const dword[] = { &i->control, &i->entry.low, &i->entry.high,
			       &i->entry.data };
	u32 was = i->control;

	if (n >= ARRAY_SIZE(dword) || !(bytes & writable[n]))
		return;
	bytes &= writable[n];
	*dword[n] = (*dword[n] & ~bytes) | (value & bytes);
	i->control = limit_messages(i);
	want_messages(v, f);
	if (i->control != was)
		v->write16(f->address, i->where + 2, (u16)(i->control >> 16));
}

static void write_bar(struct vpci_bar *b, u32 bytes, u32 value)
{
	if (bytes == ~0U)
		b->sizing = (value & b->mask) == b->mask;
}

static void write_dword(struct vpci *v, u16 function, u32 reg, u32 bytes,
			u32 value)
{
	u32 i = find(v, function), n = (reg - CAPABILITY) / 4;
	struct vpci_function *f = &v->function[i];

	if (i == v->nr)
		return;
	value &= bytes;
	if (reg == PCI_COMMAND)
		write_command(v, f, bytes, value);
	else if (reg == PCI_INTERRUPT_LINE && (bytes & 0xff))
		f->line = (u8)value;
	else if (reg >= CAPABILITY && f->msix.where)
		write_msix(v, f, n, bytes, value);
	else if (reg >= CAPABILITY && f->msi.where)
		write_msi(v, f, n, bytes, value);
	else if (reg >= PCI_BAR(0) && reg < PCI_BAR(PCI_BARS))
		write_bar(&f->bar[(reg - PCI_BAR(0)) / 4], bytes, value);
}

void vpci_write(struct vpci *v, u32 address, u32 offset, u32 size, u32 value)
{
	u16 function;
	u32 reg;

	if (decode(address, offset, size, &function, &reg))
		write_dword(v, function, reg, BYTE_MASK(size) << 8 * offset,
			    value << 8 * offset);
}

/* Bits 19:12 of the offset are the function, 11:2 the register. */
static u16 ecam_function(u64 offset)
{
	return offset >> 12 & 0xff;
}

u64 vpci_ecam_read(const struct vpci *v, u64 offset, u32 size)
{
	u32 shift = 8 * (offset & 3);

	if (offset & (size - 1))
		return ~0UL;
	if (size == 8)
		return vpci_ecam_read(v, offset, 4) |
		       vpci_ecam_read(v, offset + 4, 4) << 32;
	return read_dword(v, ecam_function(offset), offset & 0xffc) >> shift &
	       BYTE_MASK(size);
}

void vpci_ecam_write(struct vpci *v, u64 offset, u32 size, u64 value)
{
	u32 shift = 8 * (offset & 3);

	if (offset & (size - 1))
		return;
	if (size == 8) {
		vpci_ecam_write(v, offset, 4, value);
		vpci_ecam_write(v, offset + 4, 4, value >> 32);
		return;
	}
	write_dword(v, ecam_function(offset), offset & 0xffc,
		    BYTE_MASK(size) << shift, (u32)value << shift);
}

bool vpci_io(struct vpci *v, u16 port, u8 size, bool write, u32 *value)
{
	bool address = port == PCI_CONFIG_ADDRESS && size == 4;
	u32 offset = (u32)port - PCI_CONFIG_DATA;

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
