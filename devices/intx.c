// SPDX-License-Identifier: BSD-2-Clause
/* Interrupt lines: the guest's IO-APIC, and the physical pins behind it. */
#include "devices/intx.h"
#include "apic/ioapic.h"
#include "core/spinlock.h"
#include "eli/route.h"
#include "guest/layout.h"

/* The host's vector for a pin that Ashlar takes. */
#define INTX_VECTOR(gsi) (0xd0 + (gsi))

/* Owners are set while booting. */
static struct pin {
	struct intx *owner;
	struct route route;
} pins[VIOAPIC_PINS];

/* The lower half of a pin's entry. */
static u32 low_of(const struct route_out *out)
{
	return (u32)(out->vector | (out->level ? RTE_LEVEL : 0) |
		     (out->active_low ? RTE_ACTIVE_LOW : 0) |
		     (out->masked ? RTE_MASKED : 0));
}

static void pin_set(u32 gsi, const struct route_out *out)
{
	ioapic_route(gsi, out->apic_id, low_of(out));
}

static void pin_mask(u32 gsi, const struct route_out *out)
{
	ioapic_set_mask(gsi, low_of(out));
}

/* A line that the guest's entry does not hold is the physical one's business.
 */
static void settle_line(struct intx *x, u32 gsi)
{
	if (!(x->ioapic.rte[gsi] & RTE_REMOTE_IRR))
		intx_set_line(x, gsi, false);
}

static bool pin_taken(u32 gsi)
{
	struct intx *x = pins[gsi].owner;
	struct irq_msg m;
	bool sent = vioapic_set_line(&x->ioapic, gsi, true, &m);

	settle_line(x, gsi);
	return sent;
}

static const struct route_source pin_source = {
	.set = pin_set,
	.mask = pin_mask,
	.taken = pin_taken,
};

/* The lowest pin of a set that is not empty, which is then without it. */
static u32 next_pin(u32 *set)
{
	u32 gsi = (u32)__builtin_ctz(*set);

	*set &= *set - 1;
	return gsi;
}

void intx_init(struct intx *x, struct irq_domain *d)
{
	x->domain = d;
	d->eoi = intx_eoi;
	d->eoi_ctx = x;
}

int intx_claim(struct intx *x, u32 gsi)
{
	struct pin *pin = &pins[gsi];

	if (gsi >= VIOAPIC_PINS || !ioapic_has(gsi))
		return -ENOENT;
	if (gsi == GUEST_COM1_GSI || gsi == GUEST_ECHO_GSI ||
	    (pin->owner && pin->owner != x))
		return -EBUSY;
	if (pin->owner)
		return 0;
	pin->owner = x;
	pin->route = (struct route){
		.source = &pin_source,
		.where = gsi,
		.host_vector = (u8)INTX_VECTOR(gsi),
		.domain = x->domain,
	};
	route_add(&pin->route);
	x->gsis |= 1U << gsi;
	return 0;
}

void intx_reset(struct intx *x)
{
	vioapic_init(&x->ioapic, GUEST_IOAPIC_ID);
}

/* The physical pins follow the guest's entries as they stand. */
static void follow(struct intx *x)
{
	struct irq_msg m;
	u32 set, gsi;

	if (!x->gsis)
		return;
	for (set = x->gsis; set;) {
		gsi = next_pin(&set);
		settle_line(x, gsi);
		vioapic_message(&x->ioapic, gsi, &m);
		route_want(&pins[gsi].route, &m,
			   x->ioapic.rte[gsi] & RTE_REMOTE_IRR);
	}
	routes_settle(x->domain);
}

void intx_set_line(struct intx *x, u32 pin, bool level)
{
	struct irq_msg m;

	if (vioapic_set_line(&x->ioapic, pin, level, &m))
		domain_deliver(x->domain, &m);
}

static void deliver_pins(struct intx *x, u32 set)
{
	struct irq_msg m;

	while (set) {
		vioapic_message(&x->ioapic, next_pin(&set), &m);
		domain_deliver(x->domain, &m);
	}
}

/* Before the EOI reaches the guest's IO-APIC: what Ashlar took has ended. */
static void end_taken(struct intx *x, u8 vector)
{
	u32 set, gsi;
	u64 rte;

	for (set = x->gsis; set;) {
		gsi = next_pin(&set);
		rte = x->ioapic.rte[gsi];
		if ((rte & RTE_REMOTE_IRR) && (rte & RTE_VECTOR) == vector)
			intx_set_line(x, gsi, false);
	}
}

void intx_eoi(void *intx, u8 vector)
{
	struct intx *x = intx;

	spin_lock(&x->domain->lock);
	end_taken(x, vector);
	deliver_pins(x, vioapic_eoi(&x->ioapic, vector));
	follow(x);
	spin_unlock(&x->domain->lock);
}

/* The EOI register of the guest's IO-APIC, for pins that are its own. */
static void end_direct(const struct intx *x, u8 vector)
{
	const struct route *r;
	u32 set;

	for (set = x->gsis; set;) {
		r = &pins[next_pin(&set)].route;
		if (r->how == ROUTE_DIRECT && r->out.level &&
		    r->out.vector == vector)
			ioapic_eoi(r->where);
	}
}

/* The lower half of a guest's entry, with the remote IRR of its own pin. */
static u32 remote_irr(const struct intx *x, u32 pin)
{
	if (!(x->gsis >> pin & 1) || pins[pin].route.how != ROUTE_DIRECT)
		return 0;
	return ioapic_state(pin) & (u32)RTE_REMOTE_IRR;
}

u64 intx_read(void *intx, u64 offset, u8 size)
{
	struct intx *x = intx;
	u32 value, index;

	(void)size;
	spin_lock(&x->domain->lock);
	value = vioapic_read(&x->ioapic, (u32)offset);
	index = x->ioapic.select - VIOAPIC_REG_RTE;
	if (offset == VIOAPIC_IOWIN && index < 2 * VIOAPIC_PINS && !(index % 2))
		value |= remote_irr(x, index / 2);
	spin_unlock(&x->domain->lock);
	return value;
}

void intx_write(void *intx, u64 offset, u8 size, u64 value)
{
	struct intx *x = intx;

	(void)size;
	spin_lock(&x->domain->lock);
	if (offset == VIOAPIC_EOI) {
		end_taken(x, (u8)value);
		end_direct(x, (u8)value);
	}
	deliver_pins(x, vioapic_write(&x->ioapic, (u32)offset, (u32)value));
	follow(x);
	spin_unlock(&x->domain->lock);
	routes_report(x->domain);
}
