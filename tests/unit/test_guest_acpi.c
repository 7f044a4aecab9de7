// SPDX-License-Identifier: BSD-2-Clause
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>
#include "guest/acpi.h"
#include "guest/layout.h"

#define SIZE (GUEST_ACPI_END - GUEST_ACPI)

static u8 area[SIZE];

static u32 get32(const u8 *p)
{
	return p[0] | (u32)p[1] << 8 | (u32)p[2] << 16 | (u32)p[3] << 24;
}

static u64 get64(const u8 *p)
{
	return get32(p) | (u64)get32(p + 4) << 32;
}

static u8 sum(const u8 *p, u32 n)
{
	u8 s = 0;

	while (n--)
		s = (u8)(s + *p++);
	return s;
}

/* Build for `n` vCPUs at GUEST_ACPI; the RSDP as a guest's search finds it. */
static const u8 *build(u32 n)
{
	struct guest_acpi_config c = { .nr_vcpus = n };
	u64 rsdp = 0;

	memset(area, 0xee, sizeof(area));
	assert_int_equal(guest_acpi_build(area, SIZE, GUEST_ACPI, &c, &rsdp),
			 0);
	for (u64 at = 0; at < SIZE; at += 16)
		if (!memcmp(area + at, "RSD PTR ", 8)) {
			assert_int_equal(rsdp, GUEST_ACPI + at);
			return area + at;
		}
	fail();
	return NULL;
}

static const u8 *table_at(u64 gpa, const char *signature)
{
	const u8 *p = area + (gpa - GUEST_ACPI);

	assert_in_range(gpa, GUEST_ACPI, GUEST_ACPI_END - 36);
	assert_memory_equal(p, signature, 4);
	assert_in_range(get32(p + 4), 36, GUEST_ACPI_END - gpa);
	assert_int_equal(sum(p, get32(p + 4)), 0);
	return p;
}

static const u8 *xsdt_entry(const u8 *rsdp, u32 i, const char *signature)
{
	const u8 *xsdt = table_at(get64(rsdp + 24), "XSDT");

	assert_in_range(i, 0, (get32(xsdt + 4) - 36) / 8 - 1);
	return table_at(get64(xsdt + 36 + 8 * i), signature);
}

static void test_rsdp(void **state)
{
	const u8 *rsdp = build(4);

	(void)state;
	assert_int_equal(rsdp[15], 2);
	assert_int_equal(get32(rsdp + 20), 36);
	assert_int_equal(sum(rsdp, 20), 0);
	assert_int_equal(sum(rsdp, 36), 0);
	assert_int_equal(get32(table_at(get64(rsdp + 24), "XSDT") + 4),
			 36 + 2 * 8);
}

static void check_io_register(const u8 *gas, u32 port)
{
	assert_int_equal(gas[0], 1); /* system I/O */
	assert_int_equal(gas[1], 8);
	assert_int_equal(gas[2], 0);
	assert_int_equal(gas[3], 1); /* byte access */
	assert_int_equal(get64(gas + 4), port);
}

static void test_fadt(void **state)
{
	const u8 *fadt = xsdt_entry(build(1), 0, "FACP");

	(void)state;
	assert_int_equal(get32(fadt + 4), 276);
	assert_int_equal(fadt[8], 6);
	assert_int_equal(get32(fadt + 112) & (1 << 20 | 1 << 10 | 1),
			 1 << 20 | 1 << 10 | 1);
	check_io_register(fadt + 116, 0xcf9);
	assert_int_equal(fadt[128], 6);
	check_io_register(fadt + 244, 0x600);
	check_io_register(fadt + 256, 0x601);
	/* no 8042, no VGA, but an RTC */
	assert_int_equal(fadt[109] & (1 << 1 | 1 << 2 | 1 << 5), 1 << 2);
	assert_int_equal(get32(fadt + 40), get64(fadt + 140));
	/* nothing of the fixed hardware */
	for (u32 i = 48; i < 96; i++)
		assert_int_equal(fadt[i], 0);
	for (u32 i = 148; i < 244; i++)
		assert_int_equal(fadt[i], 0);
}

static void test_dsdt(void **state)
{
	const u8 *fadt = xsdt_entry(build(1), 0, "FACP");
	const u8 *dsdt = table_at(get64(fadt + 140), "DSDT");

	(void)state;
	assert_int_equal(get32(dsdt + 4), guest_dsdt_size);
	assert_memory_equal(dsdt, guest_dsdt, guest_dsdt_size);
}

/* Count CPUs, check their ids; returns the number of IO-APICs. */
static u32 walk_madt(const u8 *madt, u32 *cpus)
{
	u32 io_apics = 0;

	*cpus = 0;
	for (u32 at = 44; at < get32(madt + 4); at += madt[at + 1]) {
		const u8 *p = madt + at;

		assert_in_range(p[1], 8, get32(madt + 4) - at);
		if (p[0] == 0) {
			assert_int_equal(p[3], *cpus);
			assert_int_equal(p[2], *cpus);
			assert_in_range(*cpus, 0, 254);
			assert_int_equal(get32(p + 4), 1);
			++*cpus;
		} else if (p[0] == 9) {
			assert_int_equal(get32(p + 4), *cpus);
			assert_int_equal(get32(p + 12), *cpus);
			assert_int_equal(get32(p + 8), 1);
			assert_true(*cpus >= 255);
			++*cpus;
		} else {
			assert_int_equal(p[0], 1);
			assert_int_equal(p[2], GUEST_IOAPIC_ID);
			assert_int_equal(get32(p + 4), 0xfec00000);
			assert_int_equal(get32(p + 8), 0);
			io_apics++;
		}
	}
	return io_apics;
}

static void test_madt(void **state)
{
	static const u32 n[] = { 1, 2, 15, 16, 64, 254, 255, 256, 1024 };
	u32 cpus;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(n); i++) {
		const u8 *madt = xsdt_entry(build(n[i]), 1, "APIC");

		assert_int_equal(get32(madt + 36), 0xfee00000);
		assert_int_equal(walk_madt(madt, &cpus), 1);
		assert_int_equal(cpus, n[i]);
	}
}

/* Follow the code as a CPU in real mode would: out 6 to CF9h, then stop. */
static void test_reset_vector(void **state)
{
	const u8 *p;

	(void)state;
	build(GUEST_ACPI_VCPUS);
	p = area + 0x1fff0;
	assert_int_equal(p[0], 0xba); /* mov imm16, %dx */
	assert_int_equal(p[1] | p[2] << 8, 0xcf9);
	assert_int_equal(p[3], 0xb0); /* mov imm8, %al */
	assert_int_equal(p[4], 6);
	assert_int_equal(p[5], 0xee); /* out %al, %dx */
	assert_int_equal(p[6], 0xfa);
	assert_int_equal(p[7], 0xf4);
	assert_int_equal(p[8], 0xeb);
	assert_int_equal((u8)(p[9] + 10), 7); /* back to the hlt */
}

static void test_no_reset_vector_elsewhere(void **state)
{
	struct guest_acpi_config c = { .nr_vcpus = 1 };
	u64 rsdp;

	(void)state;
	assert_int_equal(
		guest_acpi_build(area, SIZE - 8, GUEST_ACPI, &c, &rsdp), 0);
	assert_int_equal(area[0x1fff0], 0);
	assert_int_equal(
		guest_acpi_build(area, SIZE, GUEST_ACPI_END, &c, &rsdp), 0);
	assert_int_equal(area[0x1fff0], 0);
}

static void test_pci_bus(void **state)
{
	const struct guest_acpi_pci pci = {
		.memory = 0xfeb00000,
		.memory_last = 0xfeb1ffff,
		.ports = 0xc000,
		.ports_last = 0xc01f,
		.nr_routes = 1,
		.route[0] = { 0x0002ffff, 0, 17 },
	};
	struct guest_acpi_config c = { .nr_vcpus = 1, .pci = &pci };
	const u8 *bus = area + (GUEST_ACPI_PCI - GUEST_ACPI);
	const u8 *xsdt, *mcfg;
	u64 rsdp;

	(void)state;
	memset(area, 0xee, sizeof(area));
	assert_int_equal(guest_acpi_build(area, SIZE, GUEST_ACPI, &c, &rsdp),
			 0);
	xsdt = table_at(get64(area + (rsdp - GUEST_ACPI) + 24), "XSDT");
	assert_int_equal(get32(xsdt + 4), 36 + 4 * 8);
	table_at(get64(xsdt + 36 + 2 * 8), "SSDT");
	mcfg = table_at(get64(xsdt + 36 + 3 * 8), "MCFG");
	assert_int_equal(get32(mcfg + 4), 60);
	assert_int_equal(get64(mcfg + 44), GUEST_ECAM);
	/* Segment 0, buses 0 to 0 */
	assert_int_equal(get32(mcfg + 52), 0);
	/* where and how ssdt.asl reads it */
	assert_int_equal(GUEST_ACPI_PCI, 0xff000);
	assert_memory_equal(bus, &pci, sizeof(pci));
	assert_int_equal(get32(bus + 16), 1);
	assert_int_equal(get32(bus + 20), 0x0002ffff);
	assert_int_equal(get32(bus + 28), 17);
	assert_int_equal(guest_acpi_build(area, 0x10000, GUEST_ACPI, &c, &rsdp),
			 -ENOSPC);
	c.pci = NULL;
	assert_int_equal(guest_acpi_build(area, SIZE, GUEST_ACPI, &c, &rsdp),
			 0);
	assert_int_equal(get32(bus), 0);
	xsdt = table_at(get64(area + (rsdp - GUEST_ACPI) + 24), "XSDT");
	assert_int_equal(get32(xsdt + 4), 36 + 2 * 8);
}

static void test_refusals(void **state)
{
	struct guest_acpi_config c = { .nr_vcpus = 0 };
	u64 rsdp;

	(void)state;
	assert_int_equal(guest_acpi_build(area, SIZE, GUEST_ACPI, &c, &rsdp),
			 -EINVAL);
	c.nr_vcpus = GUEST_ACPI_VCPUS + 1;
	assert_int_equal(guest_acpi_build(area, SIZE, GUEST_ACPI, &c, &rsdp),
			 -EINVAL);
	c.nr_vcpus = ~0U;
	assert_int_equal(guest_acpi_build(area, SIZE, GUEST_ACPI, &c, &rsdp),
			 -EINVAL);
	c.nr_vcpus = 2;
	assert_int_equal(guest_acpi_build(area, SIZE, 0xe0008, &c, &rsdp),
			 -EINVAL);
	assert_int_equal(guest_acpi_build(area, SIZE, 1UL << 32, &c, &rsdp),
			 -EINVAL);
	assert_int_equal(guest_acpi_build(area, SIZE, 0xfffffff0, &c, &rsdp),
			 -EINVAL);
}

static void test_every_short_buffer(void **state)
{
	struct guest_acpi_config c = { .nr_vcpus = 2 };
	size_t size;
	u64 rsdp;
	int err = -ENOSPC;

	(void)state;
	for (size = 0; err && size < 4096; size++) {
		u8 *buf = malloc(size + 1);

		err = guest_acpi_build(buf, size, GUEST_ACPI, &c, &rsdp);
		if (err)
			assert_int_equal(err, -ENOSPC);
		free(buf);
	}
	assert_in_range(size, 500, 2048);
}

static char directory[] = "/tmp/guest-acpi-XXXXXX";

static void write_table(const char *name, const u8 *table, u32 size)
{
	char path[64];
	FILE *out;

	snprintf(path, sizeof(path), "%s/%s.dat", directory, name);
	out = fopen(path, "wb");
	assert_non_null(out);
	assert_int_equal(fwrite(table, 1, size, out), size);
	assert_int_equal(fclose(out), 0);
}

/* iasl says what is wrong with a table in comments of its output. */
static void disassemble(const char *name)
{
	char command[512];

	snprintf(
		command, sizeof(command),
		"cd %s && iasl -d %s.dat >%s.log 2>&1 && test -s %s.dsl && "
		"! grep -Ei 'incorrect|invalid|error|warning|unknown|\\*\\*\\*'"
		" %s.dsl && ! grep -Ei 'error|warning|invalid' %s.log",
		directory, name, name, name, name, name);
	if (system(command))
		fail_msg("iasl -d %s failed", name);
}

static void expect_text(const char *name, const char *text)
{
	char command[256];

	snprintf(command, sizeof(command), "grep -Eq '%s' %s/%s.dsl", text,
		 directory, name);
	if (system(command))
		fail_msg("%s.dsl lacks '%s'", name, text);
}

static void test_iasl_reads_them(void **state)
{
	const u8 *rsdp = build(3);
	const u8 *fadt = xsdt_entry(rsdp, 0, "FACP");
	const u8 *madt = xsdt_entry(rsdp, 1, "APIC");
	const u8 *xsdt = table_at(get64(rsdp + 24), "XSDT");
	char command[64];

	(void)state;
	assert_non_null(mkdtemp(directory));
	write_table("facp", fadt, get32(fadt + 4));
	write_table("apic", madt, get32(madt + 4));
	write_table("xsdt", xsdt, get32(xsdt + 4));
	write_table("dsdt", guest_dsdt, guest_dsdt_size);
	disassemble("facp");
	disassemble("apic");
	disassemble("xsdt");
	disassemble("dsdt");
	expect_text("facp", "Hardware Reduced \\(V5\\) : 1");
	expect_text("facp", "Reset Register Supported \\(V2\\) : 1");
	expect_text("facp", "VGA Not Present \\(V4\\) : 1");
	expect_text("facp", "CMOS RTC Not Present \\(V5\\) : 0");
	expect_text("dsdt", "Interrupt \\(ResourceConsumer, Edge, ActiveHigh");
	expect_text("dsdt", "_S5.*Package");
	expect_text("dsdt", "PNP0501");
	expect_text("apic", "I/O APIC");
	snprintf(command, sizeof(command), "rm -r %s", directory);
	assert_int_equal(system(command), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_rsdp),
		cmocka_unit_test(test_fadt),
		cmocka_unit_test(test_dsdt),
		cmocka_unit_test(test_madt),
		cmocka_unit_test(test_reset_vector),
		cmocka_unit_test(test_no_reset_vector_elsewhere),
		cmocka_unit_test(test_pci_bus),
		cmocka_unit_test(test_refusals),
		cmocka_unit_test(test_every_short_buffer),
		cmocka_unit_test(test_iasl_reads_them),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
