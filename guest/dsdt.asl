// SPDX-License-Identifier: BSD-2-Clause
// The guest's namespace: what can't be enumerated.  Power-off is SLP_TYP 5 to
// the FADT's SLEEP_CONTROL_REG; ports and GSI are those of guest/layout.h.
DefinitionBlock ("", "DSDT", 2, "ASHLAR", "ASHLAR", 1)
{
	Name (\_S5, Package (4) { 5, 0, 0, 0 })

	Scope (\_SB)
	{
		Device (COM1)
		{
			Name (_HID, EisaId ("PNP0501"))
			Name (_UID, 1)
			Name (_CRS, ResourceTemplate ()
			{
				IO (Decode16, 0x3F8, 0x3F8, 0, 8)
				Interrupt (ResourceConsumer, Edge, ActiveHigh,
					   Exclusive) { 4 }
			})
		}

		// A read-only wall clock: no alarm, hence no interrupt.
		Device (RTC0)
		{
			Name (_HID, EisaId ("PNP0B00"))
			Name (_CRS, ResourceTemplate ()
			{
				IO (Decode16, 0x70, 0x70, 0, 2)
			})
		}
	}
}
