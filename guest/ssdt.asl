// SPDX-License-Identifier: BSD-2-Clause
// The PCI bus of guests that have devices.  What differs from guest to guest is
// in memory at GUEST_ACPI_PCI: struct guest_acpi_pci of guest/acpi.h.
DefinitionBlock ("", "SSDT", 2, "ASHLAR", "ASHLAPCI", 1)
{
	Scope (\_SB)
	{
		Device (PCI0)
		{
			Name (_HID, EisaId ("PNP0A03"))
			Name (_BBN, 0)

			OperationRegion (BUSR, SystemMemory, 0xFF000, 20)
			Field (BUSR, DWordAcc, NoLock, Preserve)
			{
				MEMB, 32,
				MEML, 32,
				IOPB, 32,
				IOPL, 32,
				NRTS, 32,
			}

			Name (RBUF, ResourceTemplate ()
			{
				WordBusNumber (ResourceProducer, MinFixed,
					       MaxFixed, PosDecode,
					       0, 0, 0, 0, 1)
				IO (Decode16, 0xCF8, 0xCF8, 1, 8)
				DWordIO (ResourceProducer, MinFixed, MaxFixed,
					 PosDecode, EntireRange,
					 0, 0, 0, 0, 0, , , WIO)
				DWordMemory (ResourceProducer, PosDecode,
					     MinFixed, MaxFixed, NonCacheable,
					     ReadWrite, 0, 0, 0, 0, 0, , ,
					     WMEM)
			})
			CreateDWordField (RBUF, WIO._MIN, IMIN)
			CreateDWordField (RBUF, WIO._MAX, IMAX)
			CreateDWordField (RBUF, WIO._LEN, ILEN)
			CreateDWordField (RBUF, WMEM._MIN, MMIN)
			CreateDWordField (RBUF, WMEM._MAX, MMAX)
			CreateDWordField (RBUF, WMEM._LEN, MLEN)

			// A window of length 0 is none.
			Method (_CRS, 0, Serialized)
			{
				If (IOPB <= IOPL)
				{
					IMIN = IOPB
					IMAX = IOPL
					ILEN = IOPL - IOPB + 1
				}
				If (MEMB <= MEML)
				{
					MMIN = MEMB
					MMAX = MEML
					MLEN = MEML - MEMB + 1
				}
				Return (RBUF)
			}

			// Entry Arg0 of _PRT.
			Method (ROUT, 1, Serialized)
			{
				OperationRegion (RTER, SystemMemory,
						 0xFF014 + Arg0 * 12, 12)
				Field (RTER, DWordAcc, NoLock, Preserve)
				{
					RADR, 32,
					RPIN, 32,
					RGSI, 32,
				}
				Local0 = Package (4) { 0, 0, 0, 0 }
				Local0 [0] = RADR
				Local0 [1] = RPIN
				Local0 [3] = RGSI
				Return (Local0)
			}

			Method (_PRT, 0, Serialized)
			{
				Local0 = NRTS
				Local1 = Package (Local0) {}
				For (Local2 = 0, Local2 < Local0, Local2++)
				{
					Local1 [Local2] = ROUT (Local2)
				}
				Return (Local1)
			}
		}
	}
}
