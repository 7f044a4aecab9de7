# SPDX-License-Identifier: BSD-2-Clause
# A Multiboot 1 guest: build/payloads/mbhello.elf.
MBHELLO_DIR := $(PAYLOADS_DIR)/mbhello
MBHELLO_OBJS := $B/payloads/mbhello/start.o $B/payloads/mbhello/mbhello.o
MBHELLO := $B/payloads/mbhello.elf

$B/payloads/mbhello/%.o: $(MBHELLO_DIR)/%.c
	@mkdir -p $(@D)
	@echo "  PAYLOADCC $<"
	@$(CC) -std=gnu11 -O2 -g -I. -m32 -march=i686 -ffreestanding -fno-pic \
		-fno-pie -mgeneral-regs-only -fno-strict-aliasing \
		-fno-asynchronous-unwind-tables -fno-stack-protector \
		-fno-common -MMD -MP $(WARN) -c -o $@ $<

$B/payloads/mbhello/%.o: $(MBHELLO_DIR)/%.S
	@mkdir -p $(@D)
	@echo "  PAYLOADAS $<"
	@$(CC) -m32 -MMD -MP -Wa,--fatal-warnings -c -o $@ $<

$(MBHELLO): $(MBHELLO_OBJS) $(MBHELLO_DIR)/mbhello.lds
	@echo "  LD $@"
	@$(CC) -m32 -nostdlib -static -no-pie \
		-Wl,-T,$(MBHELLO_DIR)/mbhello.lds \
		-Wl,--build-id=none -Wl,-z,max-page-size=16 \
		-Wl,--no-warn-rwx-segments -o $@ \
		$(MBHELLO_OBJS)

.PHONY: payloads
payloads: $(MBHELLO)

-include $(MBHELLO_OBJS:.o=.d)
