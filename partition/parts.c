// SPDX-License-Identifier: BSD-2-Clause
/* The parts of a partition, in order. */
#include "partition/parts.h"

static int build_devices(struct partition *p, char *error, size_t size)
{
	return assign_devices(&p->devices, p->config, &p->intx, error, size);
}

static int start_devices(struct partition *p)
{
	assign_start(&p->devices);
	return 0;
}

static void stop_devices(struct partition *p)
{
	assign_stop(&p->devices);
}

static bool devices_stopped(const struct partition *p)
{
	return assign_stopped(&p->devices);
}

static const struct part part_devices = {
	.name = "devices",
	.build = build_devices,
	.start = start_devices,
	.stop = stop_devices,
	.stopped = devices_stopped,
};

static const struct part *const parts[] = {
	&part_apics, &part_ports,  &part_dma,	&part_devices,
	&part_echo,  &part_tables, &part_guest,
};

#define parts_end (parts + ARRAY_SIZE(parts))

int parts_build(struct partition *p, char *error, size_t size)
{
	const struct part *const *i;
	int err = 0;

	for (i = parts; !err && i < parts_end; i++)
		if ((*i)->build)
			err = (*i)->build(p, error, size);
	return err;
}

int parts_start(struct partition *p)
{
	const struct part *const *i;
	int err = 0;

	for (i = parts; !err && i < parts_end; i++)
		if ((*i)->start)
			err = (*i)->start(p);
	return err;
}

void parts_stop(struct partition *p)
{
	const struct part *const *i;

	for (i = parts_end; i-- > parts;)
		if ((*i)->stop)
			(*i)->stop(p);
}

bool parts_stopped(const struct partition *p)
{
	const struct part *const *i;

	for (i = parts; i < parts_end; i++)
		if ((*i)->stopped && !(*i)->stopped(p))
			return false;
	return true;
}
