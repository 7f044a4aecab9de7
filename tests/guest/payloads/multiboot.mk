# SPDX-License-Identifier: BSD-2-Clause
# Multiboot 1 guests, 32-bit and of nothing but their directories' files:
# build/payloads/X.elf for each of these.
MB_PAYLOADS := gates mbhello
MB_OBJS := $(foreach p,$(MB_PAYLOADS),$B/payloads/$p/start.o \
	$B/payloads/$p/$p.o)
MB_ELFS := $(MB_PAYLOADS:%=$B/payloads/%.elf)
MB_CFLAGS := -std=gnu11 -O2 -g -I. -I$(PAYLOADS_DIR) -m32 -march=i686 \
	-ffreestanding -fno-pic -fno-pie -mgeneral-regs-only \
	-fno-strict-aliasing -fno-asynchronous-unwind-tables \
	-fno-stack-protector -fno-common -MMD -MP $(WARN)

$(filter %/start.o,$(MB_OBJS)): $B/payloads/%.o: $(PAYLOADS_DIR)/%.S
	@mkdir -p $(@D)
	@echo "  PAYLOADAS $<"
	@$(CC) -m32 -I$(PAYLOADS_DIR) -MMD -MP -Wa,--fatal-warnings -c -o $@ $<

$(filter-out %/start.o,$(MB_OBJS)): $B/payloads/%.o: $(PAYLOADS_DIR)/%.c
	@mkdir -p $(@D)
	@echo "  PAYLOADCC $<"
	@$(CC) $(MB_CFLAGS) -c -o $@ $<

$(MB_ELFS): $B/payloads/%.elf: $B/payloads/%/start.o \
		$(PAYLOADS_DIR)/multiboot.lds
	@echo "  LD $@"
	@$(CC) -m32 -nostdlib -static -no-pie \
		-Wl,-T,$(PAYLOADS_DIR)/multiboot.lds \
		-Wl,--build-id=none -Wl,-z,max-page-size=16 \
		-Wl,--no-warn-rwx-segments -o $@ $(filter %.o,$^)

$(foreach p,$(MB_PAYLOADS),$(eval $B/payloads/$p.elf: $B/payloads/$p/$p.o))

.PHONY: payloads
payloads: $(MB_ELFS)

-include $(MB_OBJS:.o=.d)
