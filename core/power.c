// SPDX-License-Identifier: BSD-2-Clause
/* The machine's power: off and reset, as the firmware's tables say. */
#include "core/power.h"
#include "core/clock.h"
#include "core/io.h"

/* ACPI 6.5 section 4.8.3.2.1, 4.8.3.7 */
#define PM1_SLP_TYP(t)	 ((u16)((t) << 10))
#define PM1_SLP_EN	 BIT(13)
#define SLEEP_SLP_EN	 BIT(5)
#define SLEEP_SLP_TYP(t) ((u8)((t) << 2))

#define RESET_CONTROL	0xcf9
#define KBC_COMMAND	0x64
#define KBC_PULSE_RESET 0xfe
/* How long the machine may take to go down. */
#define POWER_WAIT_US 100000

static const struct acpi_info *power;

void power_init(const struct acpi_info *acpi)
{
	power = acpi;
}

static void write_register(const struct acpi_register *r, u8 value)
{
	if (r->space == ACPI_SPACE_IO)
		outb((u16)r->address, value);
}

/* SCI_EN: some machines ignore SLP_EN while in legacy mode. */
static void enable_acpi(void)
{
	if (power->smi_cmd && power->acpi_enable && !(inw(power->pm1a_cnt) & 1))
		outb(power->smi_cmd, power->acpi_enable);
}

int power_off(const char **why)
{
	*why = "the firmware's tables name no way to power off";
	if (!power->has_s5)
		return -ENODEV;
	if (power->hw_reduced && power->has_sleep_control) {
		write_register(&power->sleep_control,
			       SLEEP_SLP_TYP(power->slp_typa) | SLEEP_SLP_EN);
	} else if (power->pm1a_cnt) {
		enable_acpi();
		outw(power->pm1a_cnt,
		     PM1_SLP_TYP(power->slp_typa) | PM1_SLP_EN);
		if (power->pm1b_cnt)
			outw(power->pm1b_cnt,
			     PM1_SLP_TYP(power->slp_typb) | PM1_SLP_EN);
	}
	clock_delay_us(POWER_WAIT_US);
	*why = "the machine did not power off";
	return -ENODEV;
}

int power_reset(const char **why)
{
	if (power->has_reset)
		write_register(&power->reset, power->reset_value);
	clock_delay_us(POWER_WAIT_US);
	outb(RESET_CONTROL, 2);
	outb(RESET_CONTROL, 6);
	clock_delay_us(POWER_WAIT_US);
	outb(KBC_COMMAND, KBC_PULSE_RESET);
	clock_delay_us(POWER_WAIT_US);
	*why = "the machine did not reset";
	return -ENODEV;
}
