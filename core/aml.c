// SPDX-License-Identifier: BSD-2-Clause
/*
 * AML without an interpreter: the few objects whose bytes can be found since
 * firmware defines them as literals.  Section numbers are those of the ACPI
 * Specification 6.5.
 */
#include "core/aml.h"
#include "core/acpi_tables.h"

/* 20.2 */
enum aml {
	AML_ZERO_OP = 0x00,
	AML_ONE_OP = 0x01,
	AML_NAME_OP = 0x08,
	AML_BYTE_PREFIX = 0x0a,
	AML_WORD_PREFIX = 0x0b,
	AML_DWORD_PREFIX = 0x0c,
	AML_PACKAGE_OP = 0x12,
	AML_ROOT_CHAR = 0x5c,
};

#define AML_BODY sizeof(struct sdt_header)

/* PM1 control has three bits for it (4.8.3.2.1). */
#define SLP_TYP_MAX 7

static bool integer(const u8 *p, u32 end, u32 *pos, u32 *value)
{
	u32 i, size;

	*value = 0;
	if (*pos >= end)
		return false;
	switch (p[(*pos)++]) {
	case AML_ZERO_OP:
		return true;
	case AML_ONE_OP:
		*value = 1;
		return true;
	case AML_BYTE_PREFIX:
		size = 1;
		break;
	case AML_WORD_PREFIX:
		size = 2;
		break;
	case AML_DWORD_PREFIX:
		size = 4;
		break;
	default:
		return false;
	}
	if (end - *pos < size)
		return false;
	for (i = 0; i < size; i++)
		*value |= (u32)p[(*pos)++] << (8 * i);
	return true;
}

/* 20.2.4: the length counts its own bytes.  *end is where the object ends. */
static bool pkg_length(const u8 *p, u32 limit, u32 *pos, u32 *end)
{
	u32 start = *pos, length, more, i;

	if (start >= limit)
		return false;
	more = p[start] >> 6;
	if (limit - start <= more)
		return false;
	length = p[start] & (more ? 0xf : 0x3f);
	for (i = 1; i <= more; i++)
		length |= (u32)p[start + i] << (8 * i - 4);
	*pos = start + 1 + more;
	*end = start + length;
	return length > more && length <= limit - start;
}

/* Package () { SLP_TYPa, SLP_TYPb, ... } at pos (7.4.2) */
static bool s5_package(const u8 *p, u32 limit, u32 pos, u8 *slp_typa,
		       u8 *slp_typb)
{
	u32 end, a, b;

	if (pos >= limit || p[pos++] != AML_PACKAGE_OP)
		return false;
	if (!pkg_length(p, limit, &pos, &end) || pos >= end || p[pos++] < 2)
		return false;
	if (!integer(p, end, &pos, &a) || !integer(p, end, &pos, &b) ||
	    a > SLP_TYP_MAX || b > SLP_TYP_MAX)
		return false;
	*slp_typa = (u8)a;
	*slp_typb = (u8)b;
	return true;
}

/* Is the name at pos that of a Name object, with or without a root char? */
static bool names_object(const u8 *p, u32 pos)
{
	return p[pos - 1] == AML_NAME_OP ||
	       (p[pos - 1] == AML_ROOT_CHAR && p[pos - 2] == AML_NAME_OP);
}

bool aml_find_s5(const u8 *table, u32 length, u8 *slp_typa, u8 *slp_typb)
{
	u32 pos;

	for (pos = AML_BODY + 1; pos + 4 < length; pos++)
		if (!memcmp(table + pos, "_S5_", 4) &&
		    names_object(table, pos) &&
		    s5_package(table, length, pos + 4, slp_typa, slp_typb))
			return true;
	return false;
}

/* 6.5.5: Name (_BBN, integer) at pos */
static bool bus_number(const u8 *p, u32 length, u32 pos, u32 *bus)
{
	u32 value = pos + 4;

	return names_object(p, pos) && integer(p, length, &value, bus) &&
	       *bus < PCI_BUSES;
}

bool aml_root_buses(const u8 *table, u32 length, struct pci_buses *roots)
{
	bool all = true;
	u32 pos, bus;

	for (pos = AML_BODY + 1; pos + 4 <= length; pos++) {
		if (memcmp(table + pos, "_BBN", 4))
			continue;
		if (bus_number(table, length, pos, &bus))
			pci_bus_add(roots, bus);
		else
			all = false;
	}
	return all;
}
