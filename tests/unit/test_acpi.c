// SPDX-License-Identifier: BSD-2-Clause
/*
 * The host's ACPI tables, built byte by byte here.  The reader hands out exact
 * copies (fake_phys.h), so a read past a table is an ASan report.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>
#include "core/acpi.h"
#include "tests/unit/fake_phys.h"

#define BASE 0x7fe0000u

/* Memory at BASE: tables one after the other, each 16-byte aligned. */
static u8 image[1 << 16];
static u32 used;
static u32 open_table;
static u32 table_at[64];
static u32 nr_tables;
static struct fake_phys phys;
static struct acpi_info ai;
static char error[200];
static u8 rsdp[36];

static int setup(void **state)
{
	(void)state;
	memset(image, 0, sizeof(image));
	memset(rsdp, 0, sizeof(rsdp));
	used = 0;
	nr_tables = 0;
	return 0;
}

static void put(const void *data, u32 size)
{
	assert_true(size <= sizeof(image) - used);
	memcpy(image + used, data, size);
	used += size;
}

static void put8(u8 v)
{
	put(&v, 1);
}

static void put16(u16 v)
{
	put(&v, 2);
}

static void put32(u32 v)
{
	put(&v, 4);
}

static void put64(u64 v)
{
	put(&v, 8);
}

static void set(u32 at, const void *v, u32 size)
{
	memcpy(image + at, v, size);
}

static void set8(u32 at, u8 v)
{
	set(at, &v, 1);
}

static void set32(u32 at, u32 v)
{
	set(at, &v, 4);
}

static void set64(u32 at, u64 v)
{
	set(at, &v, 8);
}

static u32 get32(u32 at)
{
	u32 v;

	memcpy(&v, image + at, 4);
	return v;
}

static u8 sum_of(const u8 *p, u32 n)
{
	u8 sum = 0;

	while (n--)
		sum = (u8)(sum + *p++);
	return sum;
}

/* Makes the table's checksum right for the length it has. */
static void seal(u32 at)
{
	u32 len = get32(at + 4);

	assert_true(len <= sizeof(image) - at);
	image[at + 9] = (u8)(image[at + 9] - sum_of(image + at, len));
}

static u32 begin(const char *signature)
{
	used = ALIGN_UP(used, 16u);
	open_table = used;
	put(signature, 4);
	used += 32;
	return open_table;
}

/* Ends the open table; the root table will list it. */
static u32 end(void)
{
	set32(open_table + 4, used - open_table);
	seal(open_table);
	table_at[nr_tables++] = BASE + open_table;
	return open_table;
}

static u32 begin_madt(void)
{
	u32 at = begin("APIC");

	put32(0xfee00000);
	put32(1);
	return at;
}

static void put_lapic(u8 uid, u8 id, u32 flags)
{
	put8(0);
	put8(8);
	put8(uid);
	put8(id);
	put32(flags);
}

static void put_x2apic(u32 uid, u32 id, u32 flags)
{
	put8(9);
	put8(16);
	put16(0);
	put32(id);
	put32(flags);
	put32(uid);
}

static void put_ioapic(u8 id, u32 address, u32 gsi)
{
	put8(1);
	put8(12);
	put8(id);
	put8(0);
	put32(address);
	put32(gsi);
}

static void put_override(u8 source, u32 gsi, u16 flags)
{
	put8(2);
	put8(10);
	put8(0);
	put8(source);
	put32(gsi);
	put16(flags);
}

static u32 small_madt(void)
{
	begin_madt();
	put_lapic(0, 0, 1);
	return end();
}

static u32 put_root(const char *signature, u32 entry_size)
{
	u32 at = begin(signature), i;
	u64 entry;

	for (i = 0; i < nr_tables; i++) {
		entry = table_at[i];
		put(&entry, entry_size);
	}
	set32(at + 4, used - at);
	seal(at);
	return at;
}

static void seal_rsdp(void)
{
	rsdp[8] = 0;
	rsdp[8] = (u8)-sum_of(rsdp, 20);
	rsdp[32] = 0;
	rsdp[32] = (u8)-sum_of(rsdp, 36);
}

static void put_rsdp(u8 revision, u32 rsdt, u64 xsdt)
{
	u32 length = revision >= 2 ? 36 : 0;

	memset(rsdp, 0, sizeof(rsdp));
	memcpy(rsdp, "RSD PTR ", 8);
	rsdp[15] = revision;
	memcpy(rsdp + 16, &rsdt, 4);
	memcpy(rsdp + 20, &length, 4);
	memcpy(rsdp + 24, &xsdt, 8);
	seal_rsdp();
}

static u32 put_xsdt(void)
{
	u32 at = put_root("XSDT", 8);

	put_rsdp(2, 0, BASE + at);
	return at;
}

static int parse_from(const u8 *copy)
{
	const struct phys_reader r = { fake_phys_map, &phys };
	int err;

	fake_phys_add(&phys, BASE, image, used);
	memset(error, 0, sizeof(error));
	err = acpi_parse(copy, &r, &ai, error, sizeof(error));
	fake_phys_free(&phys);
	if (err) {
		assert_int_equal(strncmp(error, "ACPI: ", 6), 0);
		assert_null(strchr(error, '\n'));
		assert_true(strlen(error) < 160);
	} else {
		assert_string_equal(error, "");
	}
	return err;
}

static int parse(void)
{
	return parse_from(rsdp);
}

static void assert_error(int err, int want, const char *text)
{
	if (err != want)
		fail_msg("%d instead of %d: %s", err, want, error);
	if (!strstr(error, text))
		fail_msg("\"%s\" lacks \"%s\"", error, text);
}

/* --- RSDP and root tables --- */

static void test_xsdt(void **state)
{
	(void)state;
	small_madt();
	put_xsdt();
	assert_int_equal(parse(), 0);
	assert_int_equal(ai.nr_cpus, 1);
	assert_int_equal(ai.lapic_address, 0xfee00000);
	assert_false(ai.has_fadt);
	assert_false(ai.has_hpet);
	assert_false(ai.has_reset);
	assert_false(ai.has_s5);
	assert_int_equal(ai.nr_mcfg, 0);
	assert_int_equal(ai.dmar, 0);
}

static void test_rsdt(void **state)
{
	(void)state;
	small_madt();
	put_rsdp(0, BASE + put_root("RSDT", 4), 0);
	assert_int_equal(parse(), 0);
	assert_int_equal(ai.nr_cpus, 1);
	put_rsdp(0, BASE + used, 0);
	assert_error(parse(), -EFAULT, "RSDT at");
}

static void test_xsdt_preferred(void **state)
{
	u32 rsdt;

	(void)state;
	rsdt = put_root("RSDT", 4);
	small_madt();
	put_rsdp(2, BASE + rsdt, BASE + put_root("XSDT", 8));
	assert_int_equal(parse(), 0);
	put_rsdp(2, BASE + rsdt, 0);
	assert_error(parse(), -ENOENT, "no MADT");
}

/* The old tag of a loader may hold the first 20 bytes of a new RSDP. */
static void test_truncated_new_rsdp(void **state)
{
	(void)state;
	small_madt();
	put_rsdp(2, BASE + put_root("RSDT", 4), 0x1234);
	memset(rsdp + 20, 0, 16);
	assert_int_equal(parse(), 0);
}

static void test_bad_rsdp(void **state)
{
	u32 i;

	(void)state;
	small_madt();
	put_xsdt();
	for (i = 0; i < 36; i++) {
		rsdp[i] ^= 0x40;
		assert_error(parse(), -EINVAL, "RSDP");
		rsdp[i] ^= 0x40;
	}
	rsdp[20] = 37;
	seal_rsdp();
	assert_error(parse(), -EINVAL, "RSDP");
	rsdp[20] = 20;
	seal_rsdp();
	assert_error(parse(), -EINVAL, "RSDP");
}

static void test_root_lengths(void **state)
{
	static const u32 bad[] = { 0, 1, 35, (16 << 20) + 1, 0xffffffff };
	u32 at, i;

	(void)state;
	small_madt();
	at = put_xsdt();
	for (i = 0; i < ARRAY_SIZE(bad); i++) {
		set32(at + 4, bad[i]);
		assert_error(parse(), -EINVAL, "XSDT at 7fe0040 has length");
	}
	set32(at + 4, 16 << 20);
	assert_error(parse(), -EFAULT, "XSDT at 7fe0040 is not readable");
	set32(at + 4, 43);
	seal(at);
	assert_error(parse(), -EINVAL, "has length 43");
	set32(at + 4, 44);
	seal(at);
	image[at + 12] ^= 1;
	assert_error(parse(), -EINVAL, "checksum");
}

static void test_root_at_edge(void **state)
{
	static const u64 bad[] = { 0x1000, UINT64_MAX, UINT64_MAX - 35,
				   PHYS_LIMIT - 8, BASE - 1 };
	u32 i;

	(void)state;
	small_madt();
	for (i = 0; i < ARRAY_SIZE(bad); i++) {
		put_rsdp(2, 0, bad[i]);
		assert_error(parse(), -EFAULT, "XSDT");
	}
}

static void test_too_many_tables(void **state)
{
	u32 at, i;

	(void)state;
	small_madt();
	at = begin("XSDT");
	for (i = 0; i < 513; i++)
		put64(table_at[0]);
	set32(at + 4, used - at);
	seal(at);
	put_rsdp(2, 0, BASE + at);
	assert_error(parse(), -EINVAL, "512 entries");
	set32(at + 4, 36 + 8 * 512);
	seal(at);
	assert_int_equal(parse(), 0);
	assert_int_equal(ai.nr_cpus, 1);
}

/* Pointers back to the root, to itself, to nothing, and twice the same. */
static void test_cyclic(void **state)
{
	u32 at;

	(void)state;
	small_madt();
	at = begin("XSDT");
	put64(BASE + at);
	put64(0);
	put64(table_at[0]);
	put64(table_at[0]);
	put64(BASE + at);
	set32(at + 4, used - at);
	seal(at);
	put_rsdp(2, 0, BASE + at);
	assert_int_equal(parse(), 0);
	assert_int_equal(ai.nr_cpus, 1);
	put_rsdp(2, 0, table_at[0]);
	assert_error(parse(), -EINVAL, "lacks the signature XSDT");
}

/* Of two tables that share bytes both are read, each within its length. */
static void test_overlapping(void **state)
{
	u32 outer, inner;

	(void)state;
	outer = begin_madt();
	put_lapic(1, 1, 1);
	put8(0x7f);
	put8(2 + 44 + 8);
	inner = used;
	put("APIC", 4);
	put32(44 + 8);
	used += 28;
	put32(0xfee00000);
	put32(0);
	put_lapic(2, 2, 1);
	image[inner + 9] = (u8)-sum_of(image + inner, 52);
	set32(outer + 4, used - outer);
	seal(outer);
	table_at[nr_tables++] = BASE + inner;
	table_at[nr_tables++] = BASE + outer;
	put_xsdt();
	assert_int_equal(parse(), 0);
	assert_int_equal(ai.nr_cpus, 1);
	assert_int_equal(ai.cpus[0].apic_id, 2);
}

static void test_unreadable_entry(void **state)
{
	(void)state;
	small_madt();
	table_at[nr_tables++] = 0x1000;
	put_xsdt();
	assert_error(parse(), -EFAULT, "1000");
}

/* --- searching the RSDP --- */

static int parse_searched(u64 at, u64 ebda)
{
	u16 segment = (u16)(ebda >> 4);

	fake_phys_add(&phys, 0x40e, &segment, 2);
	fake_phys_add(&phys, at, rsdp, rsdp[15] >= 2 ? 36 : 20);
	return parse_from(NULL);
}

static void test_search(void **state)
{
	(void)state;
	small_madt();
	put_xsdt();
	assert_int_equal(parse_searched(0xe0000, 0), 0);
	assert_int_equal(parse_searched(0xfffd0, 0), 0);
	assert_int_equal(parse_searched(0x9fc00, 0x9fc00), 0);
	assert_int_equal(parse_searched(0x9ffd0, 0x9fc00), 0);
	assert_error(parse_searched(0x9fc00, 0), -ENOENT, "no RSDP");
	assert_error(parse_searched(0x9fc00, 0x9f800), -ENOENT, "no RSDP");
	assert_error(parse_searched(0xe0008, 0), -ENOENT, "no RSDP");
	assert_error(parse_searched(0x100000, 0), -ENOENT, "no RSDP");
	assert_error(parse_searched(0x400, 0x400), -ENOENT, "no RSDP");
	rsdp[9] ^= 1;
	assert_error(parse_searched(0xe0000, 0), -ENOENT, "no RSDP");
}

/* An ACPI 1.0 RSDP may be the last 20 bytes that can hold one. */
static void test_search_v1_at_end(void **state)
{
	(void)state;
	small_madt();
	put_rsdp(0, BASE + put_root("RSDT", 4), 0);
	assert_int_equal(parse_searched(0xfffe0, 0), 0);
}

static void test_search_nothing_readable(void **state)
{
	(void)state;
	assert_error(parse_from(NULL), -ENOENT, "no RSDP");
}

/* --- MADT --- */

static void test_madt(void **state)
{
	(void)state;
	begin_madt();
	put_lapic(7, 4, 1);
	put_lapic(8, 0, 1);
	put_lapic(9, 5, 0);
	put_lapic(10, 6, 2);
	put_lapic(11, 255, 1);
	put_x2apic(12, 0x1ff, 1);
	put_x2apic(13, 0x200, 0);
	put_x2apic(14, 0xffffffff, 1);
	put_x2apic(15, 4, 1);
	put_ioapic(2, 0xfec00000, 0);
	put_ioapic(3, 0xfec01000, 24);
	put_override(0, 2, 0);
	put_override(9, 20, 0xd);
	put8(4);
	put8(6);
	put32(0);
	put8(0x80);
	put8(2);
	end();
	put_xsdt();
	assert_int_equal(parse(), 0);
	assert_int_equal(ai.nr_cpus, 3);
	assert_int_equal(ai.cpus[0].apic_id, 4);
	assert_int_equal(ai.cpus[0].uid, 7);
	assert_int_equal(ai.cpus[1].apic_id, 0);
	assert_int_equal(ai.cpus[2].apic_id, 0x1ff);
	assert_int_equal(ai.cpus[2].uid, 12);
	assert_int_equal(ai.nr_ioapics, 2);
	assert_int_equal(ai.ioapics[1].id, 3);
	assert_int_equal(ai.ioapics[1].address, 0xfec01000);
	assert_int_equal(ai.ioapics[1].gsi_base, 24);
	assert_int_equal(ai.nr_overrides, 2);
	assert_int_equal(ai.overrides[1].source, 9);
	assert_int_equal(ai.overrides[1].gsi, 20);
	assert_int_equal(ai.overrides[1].flags, 0xd);
}

static void test_madt_lapic_address(void **state)
{
	(void)state;
	begin_madt();
	put_lapic(0, 0, 1);
	put8(5);
	put8(12);
	put16(0);
	put64(0x1fee00000);
	end();
	put_xsdt();
	assert_int_equal(parse(), 0);
	assert_int_equal(ai.lapic_address, 0x1fee00000);
}

static void test_madt_entry_lengths(void **state)
{
	static const u8 min[][2] = { { 0, 8 },	{ 1, 12 }, { 2, 10 }, { 5, 12 },
				     { 9, 16 }, { 3, 2 },  { 99, 2 } };
	u32 at, i;
	u8 len;

	(void)state;
	for (i = 0; i < ARRAY_SIZE(min); i++) {
		setup(NULL);
		at = begin_madt();
		put8(min[i][0]);
		put8(0);
		used += 30;
		end();
		put_xsdt();
		for (len = 0; len < min[i][1]; len++) {
			set8(at + 45, len);
			seal(at);
			assert_error(parse(), -EINVAL,
				     "MADT at 7fe0000: entry at offset 44 has "
				     "length");
		}
		set8(at + 45, 33);
		seal(at);
		assert_error(parse(), -EINVAL, "update the firmware");
		set8(at + 45, 255);
		seal(at);
		assert_error(parse(), -EINVAL, "has length 255");
	}
}

/* Each way that a MADT can end within its last entry. */
static void test_madt_cut(void **state)
{
	u32 at, len;

	(void)state;
	at = begin_madt();
	put_lapic(0, 0, 1);
	put_x2apic(0, 1, 1);
	end();
	put_xsdt();
	for (len = 0; len < 44; len++) {
		set32(at + 4, len);
		seal(at);
		assert_error(parse(), -EINVAL, "MADT at 7fe0000 has length");
	}
	for (len = 53; len < 68; len++) {
		set32(at + 4, len);
		seal(at);
		assert_error(parse(), -EINVAL, "entry at offset 52");
	}
	set32(at + 4, 52);
	seal(at);
	assert_int_equal(parse(), 0);
	assert_int_equal(ai.nr_cpus, 1);
	set32(at + 4, 44);
	seal(at);
	assert_error(parse(), -EINVAL, "no enabled processor");
}

static void test_too_many_cpus(void **state)
{
	u32 i;

	(void)state;
	begin_madt();
	for (i = 0; i < MAX_CPUS; i++)
		put_x2apic(i, i * 2, 1);
	for (i = 0; i < 127; i++)
		put_lapic((u8)i, (u8)(i * 2), 1);
	end();
	put_xsdt();
	assert_int_equal(parse(), 0);
	assert_int_equal(ai.nr_cpus, 512);
	assert_false(ai.more_cpus);
	assert_int_equal(ai.cpus[511].apic_id, 1022);
	setup(NULL);
	begin_madt();
	for (i = 0; i < 600; i++)
		put_x2apic(i, i, 1);
	end();
	put_xsdt();
	assert_int_equal(parse(), 0);
	assert_int_equal(ai.nr_cpus, 512);
	assert_true(ai.more_cpus);
	assert_int_equal(ai.more_cpus_from, 512);
}

static void test_too_many_ioapics(void **state)
{
	u32 i;

	(void)state;
	begin_madt();
	put_lapic(0, 0, 1);
	for (i = 0; i < 130; i++)
		put_ioapic((u8)i, 0xfec00000 + i * 0x1000, i * 24);
	end();
	put_xsdt();
	assert_int_equal(parse(), 0);
	assert_int_equal(ai.nr_ioapics, 128);
	assert_int_equal(ai.more_ioapics, 2);
	assert_int_equal(ai.ioapics[127].gsi_base, 127 * 24);
}

static void test_too_many_overrides(void **state)
{
	u32 i;

	(void)state;
	begin_madt();
	put_lapic(0, 0, 1);
	for (i = 0; i < 17; i++)
		put_override((u8)i, i, 0);
	end();
	put_xsdt();
	assert_error(parse(), -ENOSPC, "more than 16 interrupt");
}

static void test_bad_checksums(void **state)
{
	static const char *const tables[][2] = { { "APIC", "MADT" },
						 { "FACP", "FADT" },
						 { "HPET", "HPET" },
						 { "MCFG", "MCFG" } };
	char text[40];
	u32 at, i;

	(void)state;
	for (i = 0; i < ARRAY_SIZE(tables); i++) {
		setup(NULL);
		at = begin(tables[i][0]);
		used += 300 - 36;
		end();
		put_xsdt();
		image[at + 10] ^= 1;
		fmt_snprintf(text, sizeof(text), "%s at 7fe0000: checksum",
			     tables[i][1]);
		assert_error(parse(), -EINVAL, text);
	}
}

/* --- FADT and DSDT --- */

static u32 fadt;

static void put_fadt(u32 length)
{
	fadt = begin("FACP");
	used += length - 36;
	end();
}

static void gas(u32 at, u8 space, u64 address)
{
	set8(at, space);
	set64(at + 4, address);
}

static int parse_fadt(void)
{
	seal(fadt);
	return parse();
}

static void begin_fadt(u32 length)
{
	setup(NULL);
	small_madt();
	put_fadt(length);
	put_xsdt();
	set8(fadt + 46, 9);
	set32(fadt + 48, 0xb2);
	set8(fadt + 52, 0xf1);
	set32(fadt + 64, 0x604);
	set32(fadt + 68, 0x704);
	set32(fadt + 76, 0x608);
	set8(fadt + 91, 4);
}

static void test_fadt(void **state)
{
	(void)state;
	begin_fadt(276);
	set32(fadt + 112, 1u << 8 | 1u << 10);
	gas(fadt + 116, 1, 0xcf9);
	set8(fadt + 128, 6);
	assert_int_equal(parse_fadt(), 0);
	assert_true(ai.has_fadt);
	assert_false(ai.hw_reduced);
	assert_int_equal(ai.sci, 9);
	assert_int_equal(ai.smi_cmd, 0xb2);
	assert_int_equal(ai.acpi_enable, 0xf1);
	assert_int_equal(ai.pm1a_cnt, 0x604);
	assert_int_equal(ai.pm1b_cnt, 0x704);
	assert_true(ai.has_pm_timer);
	assert_true(ai.pm_timer_32bit);
	assert_int_equal(ai.pm_timer_port, 0x608);
	assert_true(ai.has_reset);
	assert_int_equal(ai.reset.space, ACPI_SPACE_IO);
	assert_int_equal(ai.reset.address, 0xcf9);
	assert_int_equal(ai.reset_value, 6);
	assert_false(ai.has_sleep_control);
}

/* ACPI 1.0: no reset register; what follows the table is not read. */
static void test_fadt_v1(void **state)
{
	u32 len;

	(void)state;
	begin_fadt(116);
	set32(fadt + 112, 1u << 10);
	assert_int_equal(parse_fadt(), 0);
	assert_true(ai.has_pm_timer);
	assert_false(ai.pm_timer_32bit);
	assert_false(ai.has_reset);
	for (len = 0; len < 116; len++) {
		set32(fadt + 4, len);
		assert_error(parse_fadt(), -EINVAL, "FADT at");
	}
}

static void test_fadt_extended_fields(void **state)
{
	(void)state;
	begin_fadt(276);
	gas(fadt + 172, 1, 0x1804);
	gas(fadt + 184, 0, 0xfed00000);
	gas(fadt + 208, 1, 0x1808);
	assert_int_equal(parse_fadt(), 0);
	assert_int_equal(ai.pm1a_cnt, 0x1804);
	assert_int_equal(ai.pm1b_cnt, 0x704);
	assert_int_equal(ai.pm_timer_port, 0x1808);
	gas(fadt + 208, 1, 0x10000);
	assert_int_equal(parse_fadt(), 0);
	assert_false(ai.has_pm_timer);
	gas(fadt + 208, 1, 0);
	set8(fadt + 91, 0);
	assert_int_equal(parse_fadt(), 0);
	assert_false(ai.has_pm_timer);
}

static void test_fadt_reset_flag(void **state)
{
	(void)state;
	begin_fadt(276);
	gas(fadt + 116, 1, 0xcf9);
	assert_int_equal(parse_fadt(), 0);
	assert_false(ai.has_reset);
	set32(fadt + 112, 1u << 10);
	gas(fadt + 116, 3, 0xcf9);
	assert_int_equal(parse_fadt(), 0);
	assert_false(ai.has_reset);
	gas(fadt + 116, 0, 0);
	assert_int_equal(parse_fadt(), 0);
	assert_false(ai.has_reset);
}

static void test_fadt_hw_reduced(void **state)
{
	(void)state;
	begin_fadt(276);
	set32(fadt + 112, 1u << 20);
	gas(fadt + 244, 0, 0xfed01000);
	assert_int_equal(parse_fadt(), 0);
	assert_true(ai.hw_reduced);
	assert_false(ai.has_pm_timer);
	assert_int_equal(ai.pm1a_cnt, 0);
	assert_true(ai.has_sleep_control);
	assert_int_equal(ai.sleep_control.address, 0xfed01000);
}

/* A DSDT of these bytes after its header. */
static u32 put_dsdt(const void *aml, u32 size)
{
	u32 at;

	begin_fadt(276);
	at = begin("DSDT");
	put(aml, size);
	set32(at + 4, used - at);
	seal(at);
	set64(fadt + 140, BASE + at);
	return at;
}

static int parse_aml(const void *aml, u32 size)
{
	put_dsdt(aml, size);
	return parse_fadt();
}

#define AML(...)                               \
	parse_aml((const u8[]){ __VA_ARGS__ }, \
		  (u32)sizeof((const u8[]){ __VA_ARGS__ }))
#define S5 '_', 'S', '5', '_'

static void test_root_buses(void **state)
{
	(void)state;
	begin_fadt(276);
	assert_int_equal(parse_fadt(), 0);
	assert_true(ai.more_root_buses);
	assert_int_equal(AML(8, '_', 'B', 'B', 'N', 0x0a, 0x80), 0);
	assert_false(ai.more_root_buses);
	assert_true(pci_bus_in(&ai.root_buses, 0x80));
}

static void assert_s5(u8 a, u8 b)
{
	assert_true(ai.has_s5);
	assert_int_equal(ai.slp_typa, a);
	assert_int_equal(ai.slp_typb, b);
}

static void test_s5(void **state)
{
	(void)state;
	assert_int_equal(AML(8, S5, 0x12, 6, 4, 0x0a, 5, 0, 0, 0), 0);
	assert_s5(5, 0);
	assert_int_equal(AML(8, '\\', S5, 0x12, 6, 2, 0x0a, 7, 0x0a, 3), 0);
	assert_s5(7, 3);
	assert_int_equal(AML(0, 8, S5, 0x12, 4, 2, 0, 1), 0);
	assert_s5(0, 1);
	assert_int_equal(AML(8, S5, 0x12, 0x49, 0, 2, 0x0b, 5, 0, 0x0b, 4, 0),
			 0);
	assert_s5(5, 4);
	assert_int_equal(AML(8, S5, 0x12, 8, 2, 0x0c, 6, 0, 0, 0, 0), 0);
	assert_s5(6, 0);
}

static void test_s5_absent(void **state)
{
	(void)state;
	assert_int_equal(AML(0), 0);
	assert_false(ai.has_s5);
	assert_int_equal(AML(S5, 0x12, 4, 2, 0, 1), 0);
	assert_false(ai.has_s5);
	assert_int_equal(AML(9, S5, 0x12, 4, 2, 0, 1), 0);
	assert_false(ai.has_s5);
	assert_int_equal(parse_aml("", 0), 0);
	assert_false(ai.has_s5);
}

/* Malformed packages are passed over: the scan goes on behind them. */
static void test_s5_malformed(void **state)
{
	(void)state;
	assert_int_equal(AML(8, S5), 0);
	assert_false(ai.has_s5);
	assert_int_equal(AML(8, S5, 0x12), 0);
	assert_false(ai.has_s5);
	assert_int_equal(AML(8, S5, 0x12, 0xc4), 0);
	assert_false(ai.has_s5);
	assert_int_equal(AML(8, S5, 0x12, 0x44), 0);
	assert_false(ai.has_s5);
	assert_int_equal(AML(8, S5, 0x12, 0xcf, 0xff, 0xff, 0xff, 2, 0, 1), 0);
	assert_false(ai.has_s5);
	assert_int_equal(AML(8, S5, 0x12, 0, 2, 0, 1), 0);
	assert_false(ai.has_s5);
	assert_int_equal(AML(8, S5, 0x12, 1, 2, 0, 1), 0);
	assert_false(ai.has_s5);
	assert_int_equal(AML(8, S5, 0x12, 5, 2, 0, 1), 0);
	assert_false(ai.has_s5);
	assert_int_equal(AML(8, S5, 0x12, 3, 2, 0, 1), 0);
	assert_false(ai.has_s5);
	assert_int_equal(AML(8, S5, 0x12, 3, 1, 0), 0);
	assert_false(ai.has_s5);
	assert_int_equal(AML(8, S5, 0x12, 4, 2, 0, 0x0a), 0);
	assert_false(ai.has_s5);
	assert_int_equal(AML(8, S5, 0x12, 5, 2, 0, 0x0c, 1), 0);
	assert_false(ai.has_s5);
	assert_int_equal(AML(8, S5, 0x12, 5, 2, 0x0a, 8, 0), 0);
	assert_false(ai.has_s5);
	assert_int_equal(AML(8, S5, 0x12, 4, 2, 0x70, 0), 0);
	assert_false(ai.has_s5);
	assert_int_equal(AML(8, S5, 0x12, 8, S5, 8, S5, 0x12, 4, 2, 1, 1), 0);
	assert_s5(1, 1);
}

#define PACKAGE(a, b) 8, S5, 0x12, 6, 2, 0x0a, a, 0x0a, b

/* Two of them, whose second has it. */
static int parse_ssdts(const void *aml, u32 size, bool damaged)
{
	u32 at;

	setup(NULL);
	small_madt();
	put_fadt(276);
	begin("SSDT");
	put("nothing", 7);
	end();
	at = begin("SSDT");
	put(aml, size);
	end();
	image[at + 10] ^= damaged;
	put_xsdt();
	return parse_fadt();
}

static void test_s5_in_ssdt(void **state)
{
	static const u8 aml[] = { PACKAGE(5, 1) }, other[] = { PACKAGE(4, 2) };
	u32 at;

	(void)state;
	assert_int_equal(parse_ssdts(aml, sizeof(aml), false), 0);
	assert_s5(5, 1);
	/* One that is damaged stops nothing. */
	assert_int_equal(parse_ssdts(aml, sizeof(aml), true), 0);
	assert_false(ai.has_s5);
	/* The DSDT's counts more, if it has one. */
	parse_ssdts(aml, sizeof(aml), false);
	at = begin("DSDT");
	put(other, sizeof(other));
	set32(at + 4, used - at);
	seal(at);
	set64(fadt + 140, BASE + at);
	assert_int_equal(parse_fadt(), 0);
	assert_s5(4, 2);
	image[at + 36] = 9;
	seal(at);
	assert_int_equal(parse_fadt(), 0);
	assert_s5(5, 1);
}

static void test_dsdt_lengths(void **state)
{
	u32 at;

	(void)state;
	at = put_dsdt("x", 1);
	assert_int_equal(parse_fadt(), 0);
	set32(at + 4, 35);
	assert_error(parse_fadt(), -EINVAL, "DSDT at");
	set32(at + 4, 0x1000001);
	assert_error(parse_fadt(), -EINVAL, "has length 16777217");
	set32(at + 4, 38);
	assert_error(parse_fadt(), -EFAULT, "not readable");
	set32(at + 4, 37);
	image[at + 36] ^= 1;
	assert_error(parse_fadt(), -EINVAL, "DSDT at");
}

static void test_dsdt_pointers(void **state)
{
	(void)state;
	put_dsdt("x", 1);
	set64(fadt + 140, BASE + fadt);
	assert_error(parse_fadt(), -EINVAL, "lacks the signature DSDT");
	set64(fadt + 140, UINT64_MAX);
	assert_error(parse_fadt(), -EFAULT, "DSDT at ffffffffffffffff");
	set64(fadt + 140, 0);
	assert_int_equal(parse_fadt(), 0);
	set32(fadt + 40, 0x1000);
	assert_error(parse_fadt(), -EFAULT, "DSDT at 1000");
}

/* --- HPET, MCFG, DMAR --- */

static void test_hpet(void **state)
{
	u32 at, len;

	(void)state;
	small_madt();
	at = begin("HPET");
	used += 20;
	gas(at + 40, 0, 0xfed00000);
	end();
	put_xsdt();
	assert_int_equal(parse(), 0);
	assert_true(ai.has_hpet);
	assert_int_equal(ai.hpet_address, 0xfed00000);
	gas(at + 40, 1, 0xfed00000);
	seal(at);
	assert_int_equal(parse(), 0);
	assert_false(ai.has_hpet);
	for (len = 36; len < 56; len++) {
		set32(at + 4, len);
		seal(at);
		assert_error(parse(), -EINVAL, "HPET at");
	}
}

static u32 put_mcfg(u32 n)
{
	u32 at, i;

	setup(NULL);
	small_madt();
	at = begin("MCFG");
	put64(0);
	for (i = 0; i < n; i++) {
		put64(0xe0000000 + i * 0x10000000ul);
		put16((u16)i);
		put8((u8)i);
		put8(255);
		put32(0);
	}
	end();
	put_xsdt();
	return at;
}

static void test_mcfg(void **state)
{
	(void)state;
	put_mcfg(8);
	assert_int_equal(parse(), 0);
	assert_int_equal(ai.nr_mcfg, 8);
	assert_int_equal(ai.mcfg[2].base, 0x100000000);
	assert_int_equal(ai.mcfg[2].segment, 2);
	assert_int_equal(ai.mcfg[2].bus_start, 2);
	assert_int_equal(ai.mcfg[2].bus_end, 255);
	put_mcfg(9);
	assert_error(parse(), -ENOSPC, "more than 8 PCI segments");
	put_mcfg(0);
	assert_int_equal(parse(), 0);
	assert_int_equal(ai.nr_mcfg, 0);
}

static void test_mcfg_bad(void **state)
{
	u32 at, len;

	(void)state;
	at = put_mcfg(2);
	for (len = 36; len < 76; len++) {
		set32(at + 4, len);
		seal(at);
		if (len != 44 && len != 60)
			assert_error(parse(), -EINVAL, "MCFG at");
	}
	at = put_mcfg(1);
	set8(at + 54, 2);
	set8(at + 55, 1);
	seal(at);
	assert_error(parse(), -EINVAL, "buses 2 to 1");
	at = put_mcfg(1);
	set64(at + 44, UINT64_MAX);
	seal(at);
	assert_error(parse(), -EINVAL, "entry at offset 44");
}

static void test_dmar(void **state)
{
	u32 at;

	(void)state;
	small_madt();
	at = begin("DMAR");
	used += 64;
	end();
	put_xsdt();
	assert_int_equal(parse(), 0);
	assert_int_equal(ai.dmar, BASE + at);
	assert_int_equal(ai.dmar_length, 100);
	assert_false(ai.bad_dmar);
	/* A checksum that is wrong costs it, not the boot. */
	image[at + 10] ^= 1;
	assert_int_equal(parse(), 0);
	assert_int_equal(ai.dmar, 0);
	assert_true(ai.bad_dmar);
	image[at + 10] ^= 1;
	set32(at + 4, 47);
	seal(at);
	assert_int_equal(parse(), 0);
	assert_int_equal(ai.dmar, 0);
	assert_true(ai.bad_dmar);
}

/* However small the buffer, the message is a string that fits. */
static void test_error_buffer(void **state)
{
	const struct phys_reader r = { fake_phys_map, &phys };
	char buf[16];
	size_t size;

	(void)state;
	for (size = 0; size < sizeof(buf); size++) {
		memset(buf, '#', sizeof(buf));
		assert_int_equal(acpi_parse(NULL, &r, &ai, buf, size), -ENOENT);
		assert_int_equal(buf[size], '#');
		if (size)
			assert_int_equal(strlen(buf), size - 1);
	}
	fake_phys_free(&phys);
}

#define T(name) cmocka_unit_test_setup(test_##name, setup)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(xsdt),
		T(rsdt),
		T(xsdt_preferred),
		T(truncated_new_rsdp),
		T(bad_rsdp),
		T(root_lengths),
		T(root_at_edge),
		T(too_many_tables),
		T(cyclic),
		T(overlapping),
		T(unreadable_entry),
		T(search),
		T(search_v1_at_end),
		T(search_nothing_readable),
		T(madt),
		T(madt_lapic_address),
		T(madt_entry_lengths),
		T(madt_cut),
		T(too_many_cpus),
		T(too_many_ioapics),
		T(too_many_overrides),
		T(bad_checksums),
		T(fadt),
		T(fadt_v1),
		T(fadt_extended_fields),
		T(fadt_reset_flag),
		T(fadt_hw_reduced),
		T(s5),
		T(s5_absent),
		T(s5_malformed),
		T(s5_in_ssdt),
		T(root_buses),
		T(dsdt_lengths),
		T(dsdt_pointers),
		T(hpet),
		T(mcfg),
		T(mcfg_bad),
		T(dmar),
		T(error_buffer),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
