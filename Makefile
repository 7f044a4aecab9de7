# SPDX-License-Identifier: BSD-2-Clause
# make: the hypervisor.  make run, make test, make lint: see README.md.
B := build
CC := gcc
HOST_CC := gcc
FUZZ_CC := clang
OBJCOPY := objcopy
IASL := iasl

# Sources of the hypervisor.  Those in PURE touch no hardware and are compiled
# unchanged for the host too, where they are unit-tested and fuzzed.
PURE := core/fmt.c table/table.c table/table_word.c table/table_keys.c \
	table/table_check.c core/acpi.c core/mptable.c \
	core/place.c core/logring.c core/ledger.c core/histogram.c \
	console/console.c console/monitor.c boot/multiboot.c guest/linux.c \
	guest/loader.c \
	guest/multiboot.c guest/acpi.c exits/decode.c exits/execute.c \
	guest/walk.c guest/serial.c guest/legacy.c exits/cpuid.c exits/msr.c \
	guest/ports.c apic/icr.c apic/vapic.c apic/vioapic.c apic/vtimer.c \
	exits/kvmclock.c core/slat.c drivers/echo.c devices/vpci.c \
	eli/shadow.c eli/view.c core/rate.c
# Pure as well, and part of the host's programs only.
HOST_PURE := tools/table_explain.c
SRCS := $(PURE) core/lib.c boot/main.c core/mem.c core/image.c core/cpu.c \
	core/trap.c core/clock.c console/logport.c partition/control.c \
	partition/life.c partition/build.c devices/assign.c \
	devices/intx.c partition/machine.c \
	drivers/uart.c drivers/pci.c core/lapic.c apic/ioapic.c \
	apic/vlapic.c apic/vlapic_direct.c apic/vlapic_emulated.c \
	exits/access.c exits/exit.c eli/inject.c guest/memory.c \
	exits/mmio.c eli/mode.c eli/handback.c eli/track.c vmx/vmx.c \
	vmx/vmcs.c vmx/exit.c vmx/cr.c svm/svm.c svm/vmcb.c svm/intercepts.c \
	svm/exit.c svm/interrupt.c svm/nmi.c
ASMS := boot/entry.S boot/trampoline.S core/vectors.S core/interrupt.S \
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
