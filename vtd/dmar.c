// SPDX-License-Identifier: BSD-2-Clause
/* Chapter 8 of the VT-d specification 4.1: the DMAR table. */
#include "vtd/dmar.h"
#include "core/lib.h"
#include "core/phys.h"
#include "drivers/pci_regs.h"

/* 8.1: host address width, flags and reserved bytes follow the header. */
#define WIDTH	   36
#define FLAGS	   37
#define STRUCTURES 48

/* Every structure begins with type and length, 16 bits each (8.2). */
#define HEAD_SIZE 4
/* Before the path: type, length, flags, id, start bus (8.3.1). */
#define SCOPE_SIZE 6
#define HOP_SIZE   2
#define MIN_WIDTH  32

/* 8.3 to 8.8, by type; later ones are passed over. */
#define DMAR_DRHD 0
#define DMAR_RMRR 1
static const struct kind {
	const char *name;
	u32 size; /* without scopes */
	bool scopes;
} kinds[] = {
	{ "DRHD", 16, true },  { "RMRR", 24, true }, { "ATSR", 8, true },
	{ "RHSA", 20, false }, { "ANDD", 8, false }, { "SATC", 8, true },
};

struct check {
	struct dmar *d;
	u32 units;
	char *error;
	size_t size;
};

static int refuse(struct check *c, const char *fmt, ...) __printf(2, 3);

static int refuse(struct check *c, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	fmt_vsnprintf(c->error, c->size, fmt, ap);
	va_end(ap);
	return -EINVAL;
}

static u16 get16(const struct dmar *d, u32 at)
{
	u16 v;

	memcpy(&v, d->table + at, sizeof(v));
	return v;
}

static u64 get64(const struct dmar *d, u32 at)
{
	u64 v;

	memcpy(&v, d->table + at, sizeof(v));
	return v;
}

static u16 length_at(const struct dmar *d, u32 at)
{
	return get16(d, at + 2);
}

static struct dmar_scopes scopes_at(const struct dmar *d, u32 at)
{
	return (struct dmar_scopes){ at + kinds[get16(d, at)].size,
				     at + length_at(d, at) };
}

/* The next structure of a type behind *at, which moves on; 0: there is none. */
static u32 next(const struct dmar *d, u32 *at, u16 type)
{
	u32 found = MAX(*at, STRUCTURES);

	while (found < d->length && get16(d, found) != type)
		found += length_at(d, found);
	if (found >= d->length)
		return 0;
	*at = found + length_at(d, found);
	return found;
}

bool dmar_next_unit(const struct dmar *d, u32 *at, struct dmar_unit *u)
{
	u32 found = next(d, at, DMAR_DRHD);

	if (!found)
		return false;
	*u = (struct dmar_unit){
		.all = d->table[found + 4] & 1,
		.segment = get16(d, found + 6),
		.base = get64(d, found + 8),
		.scopes = scopes_at(d, found),
	};
	return true;
}

bool dmar_next_reserved(const struct dmar *d, u32 *at, struct dmar_reserved *r)
{
	u32 found;

	while ((found = next(d, at, DMAR_RMRR))) {
		*r = (struct dmar_reserved){
			.segment = get16(d, found + 6),
			.base = get64(d, found + 8),
			.limit = get64(d, found + 16),
			.scopes = scopes_at(d, found),
		};
		if (r->base < r->limit && r->limit < PHYS_LIMIT)
			return true;
	}
	return false;
}

bool dmar_next_scope(const struct dmar *d, struct dmar_scopes *scopes,
		     struct dmar_scope *s)
{
	const u8 *p = d->table + scopes->at;

	if (scopes->at >= scopes->end)
		return false;
	*s = (struct dmar_scope){
		.type = p[0],
		.id = p[4],
		.bus = p[5],
		.path = scopes->at + SCOPE_SIZE,
		.hops = (p[1] - SCOPE_SIZE) / HOP_SIZE,
	};
	scopes->at += p[1];
	return true;
}

static int check_scopes(struct check *c, u32 at)
{
	struct dmar_scopes s = scopes_at(c->d, at);
	u32 length;

	for (; s.at < s.end; s.at += length) {
		length = s.end - s.at < SCOPE_SIZE ? 0 : c->d->table[s.at + 1];
		if (length < SCOPE_SIZE + HOP_SIZE || length > s.end - s.at)
			return refuse(c,
				      "a scope at offset %u is %u bytes "
				      "long",
				      s.at, length);
	}
	return 0;
}

static int check_unit(struct check *c, u32 at)
{
	u64 base = get64(c->d, at + 8);
	struct dmar_unit other;
	u32 before = 0;

	while (dmar_next_unit(c->d, &before, &other))
		if (other.base == base)
			return refuse(c, "two IOMMUs are at %lxh", base);
	/* It counts, to be looked at: the firmware may have left it on. */
	c->d->length = at + length_at(c->d, at);
	if (!base || base % PAGE_SIZE || base >= PHYS_LIMIT)
		return refuse(c, "an IOMMU is at %lxh", base);
	if (++c->units > DMAR_UNITS)
		return refuse(c, "there are more than %u IOMMUs", DMAR_UNITS);
	return 0;
}

static int check_structure(struct check *c, u32 at)
{
	const struct kind *kind = &kinds[get16(c->d, at)];
	u16 length = length_at(c->d, at);
	int err = 0;

	if (length < kind->size)
		return refuse(c, "a %s at offset %u is %u bytes long",
			      kind->name, at, length);
	if (kind->scopes)
		err = check_scopes(c, at);
	if (!err && get16(c->d, at) == DMAR_DRHD)
		err = check_unit(c, at);
	return err;
}

/* d->length follows, so that what is walked has been checked. */
static int check_structures(struct check *c, u32 length)
{
	u32 at, n = 0;
	int err = 0;

	for (at = STRUCTURES; !err && length - at >= HEAD_SIZE; at += n) {
		n = length_at(c->d, at);
		if (!n)
			break;
		if (n < HEAD_SIZE || n > length - at)
			return refuse(c,
				      "a structure at offset %u is %u "
				      "bytes long",
				      at, n);
		if (get16(c->d, at) < ARRAY_SIZE(kinds))
			err = check_structure(c, at);
		if (!err)
			c->d->length = at + n;
	}
	return err;
}

int dmar_check(struct dmar *d, const u8 *table, u32 length, char *error,
	       size_t size)
{
	struct check c = { .d = d, .error = error, .size = size };
	int err;

	*d = (struct dmar){ .table = table };
	if (length < STRUCTURES)
		return refuse(&c, "it is %u bytes long", length);
	d->width = (u8)(table[WIDTH] + 1);
	d->flags = table[FLAGS];
	d->length = STRUCTURES;
	err = check_structures(&c, length);
	if (!err && (d->width < MIN_WIDTH || d->width > 64))
		err = refuse(&c, "host addresses have %u bits", d->width);
	if (!err && !c.units)
		err = refuse(&c, "it names no IOMMU");
	return err;
}

static u16 hop(const struct dmar *d, const struct dmar_scope *s, u32 n, u8 bus)
{
	const u8 *p = d->table + s->path + n * HOP_SIZE;

	return (u16)(bus << 8 | (p[0] & 31) << 3 | (p[1] & 7));
}

s32 dmar_address(const struct dmar *d, const struct dmar_scope *s,
		 pci_reader *read)
{
	s32 bus = s->bus;
	u32 n;

	for (n = 0; n + 1 < s->hops; n++) {
		bus = pci_bus_below(read, hop(d, s, n, (u8)bus));
		if (bus <= 0)
			return -1;
	}
	return hop(d, s, n, (u8)bus);
}

static bool scope_holds(const struct dmar *d, const struct dmar_scope *s,
			u16 address, pci_reader *read)
{
	s32 own, first, bus = address >> 8;

	if (s->type != DMAR_ENDPOINT && s->type != DMAR_BRIDGE)
		return false;
	own = dmar_address(d, s, read);
	if (own < 0 || own == address || s->type == DMAR_ENDPOINT)
		return own == address;
	first = pci_bus_below(read, (u16)own);
	return first > 0 && bus >= first && bus <= pci_last_bus(read, (u16)own);
}

bool dmar_holds(const struct dmar *d, struct dmar_scopes scopes, u16 address,
		pci_reader *read)
{
	struct dmar_scope s;

	while (dmar_next_scope(d, &scopes, &s))
		if (scope_holds(d, &s, address, read))
			return true;
	return false;
}

s32 dmar_unit_of(const struct dmar *d, u16 address, pci_reader *read)
{
	struct dmar_unit u;
	s32 n, rest = -1;
	u32 at = 0;

	for (n = 0; dmar_next_unit(d, &at, &u); n++) {
		if (u.segment)
			continue;
		if (dmar_holds(d, u.scopes, address, read))
			return n;
		if (u.all)
			rest = n;
	}
	return rest;
}

s32 dmar_ioapic(const struct dmar *d, u8 id, u16 *address, pci_reader *read)
{
	struct dmar_scope s;
	struct dmar_unit u;
	u32 at = 0;
	s32 n, found;

	for (n = 0; dmar_next_unit(d, &at, &u); n++)
		while (!u.segment && dmar_next_scope(d, &u.scopes, &s)) {
			if (s.type != DMAR_IOAPIC || s.id != id)
				continue;
			found = dmar_address(d, &s, read);
			if (found < 0)
				continue;
			*address = (u16)found;
			return n;
		}
	return -1;
}
