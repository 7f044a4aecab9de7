# SPDX-License-Identifier: BSD-2-Clause
# The machines of the lab, what runs on them, and `make run`.
COMMA := ,
LAB := $(B)/lab
RUN := tests/lab/run

MACHINE ?= auto
# What `auto` chooses from, best first.
MACHINES := kvm qemu bochs
# The machine that is meant, asked for once.
ON = $(eval ON := $(shell $(RUN) --which --machine $(MACHINE) \
	--supported "$(MACHINES)"))$(ON)
# A disk of the guest's own where there is VT-d; it is kept from run to run.
DISK ?= $(LAB)/disk.img
WITH_DISK = $(filter kvm qemu,$(ON))
TABLE ?= examples/$(if $(WITH_DISK),linux-disk,linux).table
CPUS ?= 3
MEMORY ?= 1G
# Modules that TABLE names, as NAME=FILE.
MODULES ?= vmlinuz=$(LAB)/vmlinuz initrd.img=$(LAB)/initrd-run.img

GUEST_PROGRAMS := $(LAB)/guest/work
# What the stock kernel needs on an emulator to find its disks, and for KVM and
# VFIO.
L1_MODULES := $(addprefix $(LAB)/,$(addsuffix .ko,irqbypass kvm kvm-intel \
	kvm-amd scsi_common scsi_mod sd_mod libata ata_piix vfio vfio_virqfd \
	vfio_iommu_type1 vfio-pci-core vfio-pci))
# Of the full kernels, each after those that it needs: NICs, and the disk that
# the cloud kernels have a driver for themselves.
NIC_MODULES := $(addprefix $(LAB)/full/,$(addsuffix .ko,dca i2c-algo-bit igb \
	e1000e crct10dif_common crc-t10dif crc64 crc64-rocksoft t10-pi \
	nvme-core nvme))
NIC_MODULES_13 := $(addprefix $(LAB)/full-13/,$(addsuffix .ko,dca \
	i2c-algo-bit igb e1000e nvme-auth nvme-core nvme))

.PHONY: lab lab-root run
# All that a run of the lab needs besides Ashlar itself.
lab: lab-root $(LAB)/vmlinuz $(LAB)/vmlinuz-13 $(LAB)/initrd.img \
	$(LAB)/vmlinuz-full $(LAB)/initrd-e1000.img $(LAB)/initrd-nic.img \
	$(LAB)/vmlinuz-full-13 $(LAB)/initrd-nic-13.img $(LAB)/memtest \
	$(LAB)/l1.img $(LAB)/l1-initrd.img

# Fast when all is there.
lab-root:
	@tools/setup build lab
	@tests/lab/mkroot >/dev/null

$(LAB)/vmlinuz $(L1_MODULES) &: tests/lab/mkkernel
	@tests/lab/mkkernel $(LAB)/vmlinuz $(notdir $(L1_MODULES))

$(LAB)/vmlinuz-13: tests/lab/mkkernel | lab-root
	@tests/lab/mkkernel $@ 13

$(LAB)/memtest: tests/lab/mkkernel
	@tests/lab/mkkernel $@ memtest

# With the distribution's full kernel come its drivers for NICs.
$(LAB)/vmlinuz-full $(LAB)/full/e1000.ko $(NIC_MODULES) &: tests/lab/mkkernel
	@tests/lab/mkkernel $(LAB)/vmlinuz-full full e1000.ko \
		$(notdir $(NIC_MODULES))

$(LAB)/vmlinuz-full-13 $(NIC_MODULES_13) &: tests/lab/mkkernel | lab-root
	@tests/lab/mkkernel $(LAB)/vmlinuz-full-13 full-13 \
		$(notdir $(NIC_MODULES_13))

$(LAB)/guest/work: $(wildcard tests/guest/initramfs/*.[ch]) \
		tests/guest/payloads/lib/samples.h
	@mkdir -p $(@D)
	$(HOST_CC) -std=gnu11 -I. -static -O2 -s -Wall -Wextra -Werror -o $@ \
		$(filter %.c,$^)

$(LAB)/initrd.img $(LAB)/initrd-e1000.img $(LAB)/initrd-nic.img \
		$(LAB)/initrd-nic-13.img: tests/lab/mkinitrd \
		tests/guest/initramfs/init $(GUEST_PROGRAMS) | lab-root
	tests/lab/mkinitrd $@ $$(command -v busybox) \
		tests/guest/initramfs/init $(filter-out tests/%,$^)

$(LAB)/initrd-e1000.img: $(LAB)/full/e1000.ko
$(LAB)/initrd-nic.img: $(NIC_MODULES)
$(LAB)/initrd-nic-13.img: $(NIC_MODULES_13)

# For people.
$(LAB)/initrd-run.img: tests/lab/mkinitrd tests/guest/initramfs/init \
		$(GUEST_PROGRAMS) | lab-root
	tests/lab/mkinitrd $@ $$(command -v busybox) \
		tests/guest/initramfs/init $(GUEST_PROGRAMS) \
		$$(command -v lsblk)

# Of the nested machines: QEMU on a disk, and what finds it there.
$(LAB)/l1.img: tests/lab/mkl1 tests/lab/mkroot | lab-root
	@tests/lab/mkl1 $@

$(LAB)/l1-initrd.img: tests/lab/mkinitrd tests/lab/l1init $(L1_MODULES) \
		| lab-root
	tests/lab/mkinitrd $@ $$(command -v busybox) tests/lab/l1init \
		$(L1_MODULES)

$(DISK):
	@mkdir -p $(@D)
	truncate -s 64M $@

run: lab $(B)/ashlar.elf $(LAB)/initrd-run.img $(DISK)
	@$(RUN) --interactive --machine $(ON) --cpus $(CPUS) \
		--memory $(MEMORY) --table $(TABLE) \
		$(if $(WITH_DISK),--device nvme$(COMMA)image=$(DISK)) \
		$(foreach m,$(MODULES),--module $(m))
