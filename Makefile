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
PURE := core/fmt.c core/table.c core/table_word.c core/table_keys.c \
	core/table_check.c core/table_explain.c core/acpi.c core/mptable.c \
	core/place.c core/logring.c core/ledger.c core/histogram.c \
	core/console.c core/monitor.c boot/multiboot.c guest/linux.c \
	guest/loader.c \
	guest/multiboot.c guest/acpi.c guest/decode.c guest/execute.c \
	guest/walk.c guest/serial.c guest/legacy.c guest/cpuid.c guest/msr.c \
	guest/ports.c apic/icr.c apic/vapic.c apic/vioapic.c apic/vtimer.c \
	guest/kvmclock.c guest/slat.c drivers/echo.c guest/pci.c \
	eli/shadow.c eli/view.c core/rate.c
SRCS := $(PURE) core/lib.c core/main.c core/mem.c core/image.c core/cpu.c \
	core/trap.c core/clock.c core/port.c core/control.c core/partition.c \
	core/build.c core/assign.c core/intx.c core/devices.c \
	drivers/uart.c drivers/pci.c apic/lapic.c apic/ioapic.c \
	apic/vlapic.c apic/vlapic_direct.c apic/vlapic_emulated.c \
	guest/access.c guest/exit.c guest/interrupt.c guest/memory.c \
	guest/mmio.c eli/eli.c eli/handback.c eli/track.c vmx/vmx.c \
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
