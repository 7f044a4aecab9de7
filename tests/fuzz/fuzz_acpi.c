// SPDX-License-Identifier: BSD-2-Clause
/*
 * acpi_parse over arbitrary memory.  Input: one byte of flags, then the image
 * of physical memory from E0000h on, where the BIOS has its RSDP.  Flag bit 0:
 * checksums are made right first, or hardly any input would get past them.
 * Flag bit 1: the first 36 bytes are passed as the boot loader's copy.
 */
#include <stdlib.h>
#include "core/acpi.h"
#include "tests/unit/fake_phys.h"

int LLVMFuzzerTestOneInput(const u8 *data, size_t size);

#define IMAGE	 0xe0000u
#define MAX_SIZE 8192u
#define REPAIR	 1
#define COPY	 2

#define CHECK(x)                 \
	do {                     \
		if (!(x))        \
			abort(); \
	} while (0)

static u8 image[MAX_SIZE];
static size_t image_size;

static void fix_sum(size_t at, size_t len, size_t checksum)
{
	u8 sum = 0;
	size_t i;

	for (i = 0; i < len; i++)
		sum = (u8)(sum + image[at + i]);
	image[checksum] = (u8)(image[checksum] - sum);
}

/* The table's offset in the image, or MAX_SIZE if it isn't all there. */
static size_t fix_table(u64 phys)
{
	size_t at = phys - IMAGE;
	u32 len;

	if (phys < IMAGE || at >= image_size || image_size - at < 36)
		return MAX_SIZE;
	memcpy(&len, image + at + 4, 4);
	if (len < 36 || len > image_size - at)
		return MAX_SIZE;
	fix_sum(at, len, at + 9);
	return at;
}

static void fix_fadt(size_t at)
{
	u64 x_dsdt = 0;
	u32 len, dsdt;

	memcpy(&len, image + at + 4, 4);
	if (len < 148 || memcmp(image + at, "FACP", 4))
		return;
	memcpy(&dsdt, image + at + 40, 4);
	memcpy(&x_dsdt, image + at + 140, 8);
	fix_table(x_dsdt ? x_dsdt : dsdt);
}

static void fix_root(u64 phys, size_t entry_size)
{
	size_t at = fix_table(phys), i, next;
	u32 len;
	u64 entry;

	if (at == MAX_SIZE)
		return;
	memcpy(&len, image + at + 4, 4);
	for (i = 36; i + entry_size <= len && i < 36 + 16 * entry_size;
	     i += entry_size) {
		entry = 0;
		memcpy(&entry, image + at + i, entry_size);
		next = fix_table(entry);
		if (next != MAX_SIZE)
			fix_fadt(next);
	}
	fix_table(phys);
}

static void repair(void)
{
	u64 xsdt;
	u32 rsdt;

	if (image_size < 36)
		return;
	memcpy(image, "RSD PTR ", 8);
	memcpy(&rsdt, image + 16, 4);
	memcpy(&xsdt, image + 24, 8);
	fix_root(rsdt, 4);
	if (image[15] >= 2)
		fix_root(xsdt, 8);
	fix_sum(0, 20, 8);
	if (image[15] >= 2)
		fix_sum(0, 36, 32);
}

static void check_cpus(const struct acpi_info *ai)
{
	u32 i, j;

	CHECK(ai->nr_cpus >= 1 && ai->nr_cpus <= MAX_CPUS);
	for (i = 0; i < ai->nr_cpus; i++)
		for (j = 0; j < i; j++)
			CHECK(ai->cpus[i].apic_id != ai->cpus[j].apic_id);
}

static void check(const struct acpi_info *ai)
{
	u32 i;

	check_cpus(ai);
	CHECK(ai->nr_ioapics <= ACPI_IOAPICS);
	CHECK(!ai->more_ioapics || ai->nr_ioapics == ACPI_IOAPICS);
	CHECK(!ai->more_cpus || ai->nr_cpus == MAX_CPUS);
	CHECK(ai->nr_overrides <= ACPI_OVERRIDES);
	CHECK(ai->nr_mcfg <= ACPI_SEGMENTS);
	for (i = 0; i < ai->nr_mcfg; i++)
		CHECK(ai->mcfg[i].bus_start <= ai->mcfg[i].bus_end);
	CHECK(ai->slp_typa <= 7 && ai->slp_typb <= 7);
	CHECK(ai->has_pm_timer == (ai->pm_timer_port != 0));
	CHECK(!ai->has_hpet || ai->hpet_address);
	CHECK(!ai->has_reset || ai->reset.address);
	if (ai->dmar)
		CHECK(ai->dmar >= IMAGE && ai->dmar_length >= 48 &&
		      ai->dmar - IMAGE + ai->dmar_length <= image_size);
}

static void check_error(const char *s, size_t size)
{
	size_t n = 0;

	while (n < size && s[n]) {
		CHECK(s[n] != '\n');
		n++;
	}
	CHECK(n > 6 && n < size - 1);
}

int LLVMFuzzerTestOneInput(const u8 *data, size_t size)
{
	static struct acpi_info ai;
	struct fake_phys phys = { 0 };
	const struct phys_reader r = { fake_phys_map, &phys };
	char error[200] = "";
	bool copy;
	int err;

	if (!size || size - 1 > MAX_SIZE)
		return 0;
	image_size = size - 1;
	memcpy(image, data + 1, image_size);
	if (data[0] & REPAIR)
		repair();
	copy = (data[0] & COPY) && image_size >= 36;
	fake_phys_add(&phys, IMAGE, image, image_size);
	err = acpi_parse(copy ? image : NULL, &r, &ai, error, sizeof(error));
	fake_phys_free(&phys);
	if (err)
		check_error(error, sizeof(error));
	else
		check(&ai);
	return 0;
}
