// SPDX-License-Identifier: BSD-2-Clause
/* The registers of the IO-APIC that a guest sees. */
#include "apic/vioapic.h"
#include "core/lib.h"

#define IOAPIC_ID_MASK	   0x0f000000U
#define IOAPIC_ID_SHIFT	   24
#define FIRST_LEGAL_VECTOR 16

/*
 * What software may write: delivery status and remote IRR are read-only, 17
 * to 47 reserved.  48-55 are the extended destination of the ICH, where the
 * remappable format of VT-d keeps its index, so they are stored.
 */
#define RTE_WRITABLE_LOW                                                  \
	(RTE_VECTOR | RTE_DM | RTE_LOGICAL | RTE_ACTIVE_LOW | RTE_LEVEL | \
	 RTE_MASKED)
#define RTE_WRITABLE_HIGH 0xffff000000000000UL

void vioapic_init(struct vioapic *v, u8 id)
{
	u32 pin;

	memset(v, 0, sizeof(*v));
	v->id = ((u32)id << IOAPIC_ID_SHIFT) & IOAPIC_ID_MASK;
	for (pin = 0; pin < VIOAPIC_PINS; pin++)
		v->rte[pin] = RTE_MASKED;
}

void vioapic_message(const struct vioapic *v, u32 pin, struct irq_msg *out)
{
	u64 rte = v->rte[pin];

	*out = (struct irq_msg){
		.dest = (u32)(rte >> RTE_DEST_SHIFT),
		.vector = (u8)(rte & RTE_VECTOR),
		.mode = (u8)((rte & RTE_DM) >> RTE_DM_SHIFT),
		.logical = rte & RTE_LOGICAL,
		.level = rte & RTE_LEVEL,
		.active_low = rte & RTE_ACTIVE_LOW,
		.masked = rte & RTE_MASKED,
	};
}

/* True when the interrupt goes out. */
static bool fire(struct vioapic *v, u32 pin)
{
	u64 *rte = &v->rte[pin];
	u64 mode = (*rte & RTE_DM) >> RTE_DM_SHIFT;

	if (mode > MSG_DM_LOWEST || (*rte & RTE_VECTOR) < FIRST_LEGAL_VECTOR) {
		v->undelivered++;
		return false;
	}
	if (*rte & RTE_LEVEL)
		*rte |= RTE_REMOTE_IRR;
	return true;
}

static bool level_due(const struct vioapic *v, u32 pin)
{
	u64 state = v->rte[pin] & (RTE_LEVEL | RTE_MASKED | RTE_REMOTE_IRR);

	return state == RTE_LEVEL && (v->lines >> pin & 1);
}

static u32 fire_level(struct vioapic *v, u32 pin)
{
	return level_due(v, pin) && fire(v, pin) ? 1U << pin : 0;
}

bool vioapic_set_line(struct vioapic *v, u32 pin, bool level,
		      struct irq_msg *out)
{
	bool rising, sent;

	if (pin >= VIOAPIC_PINS)
		return false;
	rising = level && !(v->lines >> pin & 1);
	v->lines = (v->lines & ~(1U << pin)) | (u32)level << pin;
	if (v->rte[pin] & RTE_LEVEL)
		sent = fire_level(v, pin);
	else
		sent = rising && !(v->rte[pin] & RTE_MASKED) && fire(v, pin);
	if (sent)
		vioapic_message(v, pin, out);
	return sent;
}

u32 vioapic_eoi(struct vioapic *v, u8 vector)
{
	u32 pin, again = 0;

	for (pin = 0; pin < VIOAPIC_PINS; pin++) {
		u64 *rte = &v->rte[pin];

		if (!(*rte & RTE_REMOTE_IRR) || (*rte & RTE_VECTOR) != vector)
			continue;
		*rte &= ~RTE_REMOTE_IRR;
		again |= fire_level(v, pin);
	}
	return again;
}

static u32 write_rte(struct vioapic *v, u32 index, u32 value)
{
	u32 pin = index / 2;
	u64 *rte = &v->rte[pin];

	if (index % 2) {
		*rte &= ~RTE_WRITABLE_HIGH;
		*rte |= ((u64)value << 32) & RTE_WRITABLE_HIGH;
		return 0;
	}
	*rte &= ~RTE_WRITABLE_LOW;
	*rte |= value & RTE_WRITABLE_LOW;
	/* Remote IRR means nothing for an edge pin; kernels clear it so. */
	if (!(*rte & RTE_LEVEL))
		*rte &= ~RTE_REMOTE_IRR;
	return fire_level(v, pin);
}

static bool is_rte(u8 select)
{
	return select >= VIOAPIC_REG_RTE &&
	       select < VIOAPIC_REG_RTE + 2 * VIOAPIC_PINS;
}

static u32 read_indirect(const struct vioapic *v)
{
	u32 index = v->select - VIOAPIC_REG_RTE;

	if (is_rte(v->select))
		return (u32)(v->rte[index / 2] >> (index % 2 * 32));
	switch (v->select) {
	case VIOAPIC_REG_ID:
	case VIOAPIC_REG_ARB: /* loaded from the ID, 82093AA 3.2.3 */
		return v->id;
	case VIOAPIC_REG_VER:
		return VIOAPIC_VERSION;
	default:
		return 0;
	}
}

static u32 write_indirect(struct vioapic *v, u32 value)
{
	if (is_rte(v->select))
		return write_rte(v, v->select - VIOAPIC_REG_RTE, value);
	if (v->select == VIOAPIC_REG_ID)
		v->id = value & IOAPIC_ID_MASK;
	return 0;
}

u32 vioapic_read(const struct vioapic *v, u32 offset)
{
	switch (offset) {
	case VIOAPIC_IOREGSEL:
		return v->select;
	case VIOAPIC_IOWIN:
		return read_indirect(v);
	default:
		return 0;
	}
}

u32 vioapic_write(struct vioapic *v, u32 offset, u32 value)
{
	switch (offset) {
	case VIOAPIC_IOREGSEL:
		v->select = (u8)value;
		return 0;
	case VIOAPIC_IOWIN:
		return write_indirect(v, value);
	case VIOAPIC_EOI:
		return vioapic_eoi(v, (u8)value);
	default:
		return 0;
	}
}
