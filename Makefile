# SPDX-License-Identifier: BSD-2-Clause
# make: the hypervisor.  make run, make test, make lint: see README.md.
B := build
CC := gcc
HOST_CC := gcc
FUZZ_CC := clang
OBJCOPY := objcopy
IASL := iasl

# Sources of the hypervisor, by room from the ground up.  Those in PURE touch no
# hardware and are compiled unchanged for the host too, where they are
# unit-tested and fuzzed.
PURE := $(addprefix core/,acpi.c aml.c errata.c fmt.c frequency.c histogram.c \
	ledger.c logring.c rate.c skew.c slat.c)
PURE += $(addprefix drivers/,echo.c mptable.c pci_bus.c pci_tree.c)
PURE += $(addprefix table/,table.c table_check.c table_keys.c table_word.c)
PURE += $(addprefix apic/,icr.c vapic.c vioapic.c vtimer.c)
PURE += $(addprefix vtd/,dma.c dmar.c fault.c queue.c remap.c unit.c)
PURE += $(addprefix console/,console.c cpus.c monitor.c)
PURE += $(addprefix guest/,acpi.c legacy.c linux.c loader.c mmio.c \
	multiboot.c ports.c serial.c walk.c)
PURE += $(addprefix eli/,shadow.c view.c)
PURE += $(addprefix devices/,msix.c vpci.c)
PURE += $(addprefix partition/,place.c)
PURE += $(addprefix exits/,cpuid.c decode.c execute.c kvmclock.c msr.c)
PURE += $(addprefix vmx/,timer.c)
PURE += $(addprefix boot/,multiboot.c)
# Pure as well, and part of the host's programs only.
HOST_PURE := tools/table_explain.c

SRCS := $(PURE)
SRCS += $(addprefix core/,clock.c cpu.c image.c lapic.c lib.c log.c mem.c \
	power.c smp.c trap.c)
SRCS += $(addprefix drivers/,pci.c uart.c)
SRCS += $(addprefix apic/,domain.c ioapic.c vlapic.c vlapic_direct.c \
	vlapic_emulated.c)
SRCS += $(addprefix vtd/,hw.c)
SRCS += $(addprefix console/,logport.c)
SRCS += $(addprefix guest/,memory.c vcpu.c)
SRCS += $(addprefix eli/,handback.c inject.c mode.c route.c switch.c track.c)
SRCS += $(addprefix devices/,assign.c claim.c intx.c)
SRCS += $(addprefix partition/,build.c control.c cores.c dma.c faults.c life.c \
	load.c machine.c parts.c switch.c)
SRCS += $(addprefix exits/,access.c exit.c mmio.c)
SRCS += $(addprefix vmx/,cr.c exit.c vmcs.c vmx.c)
SRCS += $(addprefix svm/,exit.c intercepts.c interrupt.c nmi.c step.c svm.c \
	vmcb.c)
SRCS += $(addprefix boot/,main.c)

ASMS := boot/entry.S core/trampoline.S core/vectors.S core/interrupt.S \
	vmx/entry.S svm/entry.S

WARN := -Wall -Wextra -Werror -Wshadow -Wstrict-prototypes \
	-Wmissing-prototypes -Wundef -Wconversion -Wno-sign-conversion
CFLAGS := -std=gnu11 -O2 -g -I. -ffreestanding -fno-pic -fno-pie -m64 \
	-mno-red-zone -mgeneral-regs-only -mcmodel=kernel \
	-fno-strict-aliasing -fno-asynchronous-unwind-tables \
	-fstack-protector-strong -mstack-protector-guard=global \
	-fno-common -MMD -MP $(WARN)
.DEFAULT_GOAL := all

HOST_CFLAGS := -std=gnu11 -O1 -g -I. -fno-strict-aliasing -MMD -MP $(WARN)
SAN := -fsanitize=address,undefined -fno-sanitize-recover=all

ELF := $B/ashlar.elf
all: $(ELF) $(ELF)32

include guest/guest.mk
SRCS += $(AML:=.c) $B/build_id.c
OBJS := $(SRCS:%.c=$B/hv/%.o) $(ASMS:%.S=$B/hv/%.o)

# The id of the source tree; rewritten only when it changes.
BUILD_ID := $(shell git describe --always --dirty 2>/dev/null || echo unknown)
$B/build_id.c: FORCE
	@mkdir -p $(@D)
	@echo '#include "core/build_id.h"' >$@.tmp
	@echo 'const char build_id[] = "$(BUILD_ID)";' >>$@.tmp
	@cmp -s $@.tmp $@ && rm $@.tmp || mv $@.tmp $@

$B/hv/%.o: %.c
	@mkdir -p $(@D)
	@echo "  CC $<"
	@$(CC) $(CFLAGS) -c -o $@ $<

$B/hv/%.o: %.S
	@mkdir -p $(@D)
	@echo "  AS $<"
	@$(CC) -I. -MMD -MP -Wa,--fatal-warnings -c -o $@ $<

define LINK
@echo "  LD $@"
@$(CC) -nostdlib -static -no-pie -Wl,-T,linker.ld -Wl,--build-id=none \
	-Wl,-z,max-page-size=4096 -Wl,-z,noexecstack \
	-Wl,--no-warn-rwx-segments -o $@ $(filter %.o,$^)
endef

$(ELF): $(OBJS) linker.ld
	$(LINK)

# For loaders that know Multiboot 1 only, and want 32-bit ELF.
$(ELF)32: $(ELF)
	$(OBJCOPY) -O elf32-i386 $< $@

include tests/unit/unit.mk
include tests/unit/decode.mk
include tests/fuzz/fuzz.mk
include tools/tools.mk
include tests/lab/lab.mk
include tests/variants/variants.mk
include tests/guest/payloads/payloads.mk
include tests/bench/bench.mk
include tests/lint/lint.mk
include tests/test.mk

.PHONY: all clean FORCE
clean:
	rm -rf $B

-include $(OBJS:.o=.d)
