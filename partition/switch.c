// SPDX-License-Identifier: BSD-2-Clause
/*
 * A running partition changes its mode: all its cores leave their guest and
 * take the steps of eli/switch.h together, those that wait for a start-up IPI
 * too.  If the partition ends meanwhile, they part wherever they are; what they
 * have done so far is undone by its next start.
 */
#include "core/clock.h"
#include "core/cpu.h"
#include "core/log.h"
#include "core/percpu.h"
#include "eli/switch.h"
#include "partition/parts.h"

/* As for the end of a partition: an emulator may put a core aside. */
#define MEET_MS 30000

/*
 * With the lock held, as `ending` is set: whoever leaves the partition drops
 * what was asked of its core.
 */
static void begin(struct partition *p)
{
	struct life *life = &p->life;

	life->changing = (p->irq.running & BIT(0)) && !life->ending &&
			 life->next_mode != p->irq.mode;
	life->met_before = life->met;
	if (life->changing)
		partition_request(p, REQ_MODE);
}

int partition_set_mode(struct partition *p, enum irq_mode mode)
{
	bool changing;

	spin_lock(&p->irq.lock);
	changing = p->life.changing;
	if (!changing) {
		p->life.next_mode = mode;
		begin(p);
	}
	spin_unlock(&p->irq.lock);
	return changing ? -EBUSY : 0;
}

/* Where another core has been faster it has asked this one, too. */
void switch_follow(struct partition *p)
{
	spin_lock(&p->irq.lock);
	if (!p->life.changing)
		begin(p);
	spin_unlock(&p->irq.lock);
}

void switch_forget(struct partition *p)
{
	p->life.changing = false;
	p->life.met = 0;
}

/*
 * Until all have met so often since the change began.  False: the partition
 * ends.
 */
static bool meet(struct partition *p, u32 times)
{
	u64 all = p->life.met_before + (u64)times * p->config->nr_cpus;
	u64 start = rdtsc();

	__atomic_fetch_add(&p->life.met, 1, __ATOMIC_SEQ_CST);
	while (__atomic_load_n(&p->life.met, __ATOMIC_ACQUIRE) < all) {
		if (__atomic_load_n(&p->life.ending, __ATOMIC_ACQUIRE))
			return false;
		if (rdtsc() - start > clock_ms(MEET_MS))
			panic("partition %s: a core did not leave its guest",
			      p->config->name);
		cpu_pause();
	}
	return true;
}

static void finish(struct partition *p)
{
	spin_lock(&p->irq.lock);
	p->life.changing = false;
	spin_unlock(&p->irq.lock);
	log_printf("partition %s: running: interrupts = %s", p->config->name,
		   partition_mode_name(p));
}

static void from_core(struct vcpu *v)
{
	if (v->in_guest && !switch_from_core(v))
		partition_park(v->part, "its local APIC can't be emptied");
}

void switch_serve(struct vcpu *v)
{
	struct partition *p = v->part;
	bool first = !v->index;

	if (!meet(p, 1))
		return;
	if (first)
		switch_begin(&p->irq);
	if (!meet(p, 2))
		return;
	from_core(v);
	if (!meet(p, 3))
		return;
	if (first)
		switch_routes(&p->irq, p->life.next_mode);
	if (!meet(p, 4))
		return;
	if (v->in_guest)
		switch_state(v);
	if (first)
		finish(p);
}
