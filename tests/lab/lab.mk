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
# What the stock kernel needs on an emulator to find its disks, and for KVM.
L1_MODULES := $(addprefix $(LAB)/,$(addsuffix .ko,irqbypass kvm kvm-intel \
	kvm-amd scsi_common scsi_mod sd_mod libata ata_piix))

.PHONY: lab lab-root run
# All that a run of the lab needs besides Ashlar itself.
lab: lab-root $(LAB)/vmlinuz $(LAB)/vmlinuz-13 $(LAB)/initrd.img \
	$(LAB)/vmlinuz-full $(LAB)/initrd-e1000.img $(LAB)/memtest \
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

# With the distribution's full kernel comes its driver for the e1000.
$(LAB)/vmlinuz-full $(LAB)/e1000.ko &: tests/lab/mkkernel
	@tests/lab/mkkernel $(LAB)/vmlinuz-full full e1000.ko

$(LAB)/guest/work: $(wildcard tests/guest/initramfs/*.[ch]) \
		tests/guest/payloads/lib/samples.h
	@mkdir -p $(@D)
	$(HOST_CC) -std=gnu11 -I. -static -O2 -s -Wall -Wextra -Werror -o $@ \
		$(filter %.c,$^)

$(LAB)/initrd.img $(LAB)/initrd-e1000.img: tests/lab/mkinitrd \
		tests/guest/initramfs/init $(GUEST_PROGRAMS) | lab-root
	tests/lab/mkinitrd $@ $$(command -v busybox) \
		tests/guest/initramfs/init $(filter-out tests/%,$^)

$(LAB)/initrd-e1000.img: $(LAB)/e1000.ko

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
