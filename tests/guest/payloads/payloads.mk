# SPDX-License-Identifier: BSD-2-Clause
# Bare guests: each directory X here is one, of all the C files in it:
# build/payloads/X.bin, in the format of a 64-bit Linux kernel.
PAYLOADS_DIR := tests/guest/payloads
PAYLOADS := $(filter-out lib start gates mbhello,\
	$(notdir $(patsubst %/,%,$(wildcard $(PAYLOADS_DIR)/*/))))
PAYLOAD_BINS := $(PAYLOADS:%=$B/payloads/%.bin)
PAYLOAD_CFLAGS := -std=gnu11 -O2 -g -I. -I$(PAYLOADS_DIR) -ffreestanding \
	-fno-pic -fno-pie -m64 -mno-red-zone -mgeneral-regs-only \
	-fno-strict-aliasing -fno-asynchronous-unwind-tables \
	-fno-stack-protector -fno-common -MMD -MP $(WARN)
PAYLOAD_LIB := $B/payloads/obj/core/fmt.o $B/payloads/obj/core/lib.o \
	$(patsubst %.c,$B/payloads/obj/%.o,\
		$(wildcard $(PAYLOADS_DIR)/lib/*.c)) \
	$B/payloads/obj/$(PAYLOADS_DIR)/lib/ap.o
PAYLOAD_START := $B/payloads/obj/$(PAYLOADS_DIR)/start/linux.o

.PHONY: payloads
payloads: $(PAYLOAD_BINS)

$B/payloads/obj/%.o: %.c
	@mkdir -p $(@D)
	@echo "  PAYLOADCC $<"
	@$(CC) $(PAYLOAD_CFLAGS) -c -o $@ $<

$B/payloads/obj/%.o: %.S
	@mkdir -p $(@D)
	@echo "  PAYLOADAS $<"
	@$(CC) -I. -I$(PAYLOADS_DIR) -MMD -MP -Wa,--fatal-warnings -c \
		-o $@ $<

$(foreach p,$(PAYLOADS),$(eval $B/payloads/$p.elf: $(PAYLOAD_START) \
	$(PAYLOAD_LIB) $(patsubst %.c,$B/payloads/obj/%.o,\
	$(wildcard $(PAYLOADS_DIR)/$p/*.c))))

$B/payloads/%.elf: $(PAYLOADS_DIR)/payload.lds
	@echo "  LD $@"
	@$(CC) -nostdlib -static -no-pie -Wl,-T,$< \
		-Wl,--build-id=none,--emit-relocs \
		-Wl,-z,noexecstack -Wl,--no-warn-rwx-segments -o $@ \
		$(filter %.o,$^)

$B/payloads/%.bin: $B/payloads/%.elf $(PAYLOADS_DIR)/mkpayload
	@$(OBJCOPY) -O binary $< $(@:.bin=.raw)
	@$(PAYLOADS_DIR)/mkpayload $< $(@:.bin=.raw) $@

# Those in 32-bit ELF.
include $(PAYLOADS_DIR)/multiboot.mk

-include $(PAYLOAD_LIB:.o=.d) $(wildcard \
	$(PAYLOADS:%=$B/payloads/obj/$(PAYLOADS_DIR)/%/*.d))
