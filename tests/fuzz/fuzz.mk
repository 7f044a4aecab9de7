# SPDX-License-Identifier: BSD-2-Clause
# libFuzzer targets: each fuzz_X.c here, with the pure sources under ASan and
# UBSan; seeds in tests/fuzz/corpus/X where there are any.
FUZZ_SECONDS ?= 60
FUZZ_OBJS := $(patsubst %.c,$B/fuzz/obj/%.o,$(PURE) $(HOST_PURE))
FUZZ := $(patsubst tests/fuzz/%.c,$B/fuzz/%,$(wildcard tests/fuzz/fuzz_*.c))
FUZZ_FLAGS := -std=gnu11 -O1 -g -I. -fno-strict-aliasing -MMD -MP

$B/fuzz/obj/%.o: %.c
	@mkdir -p $(@D)
	@echo "  HOSTCC $@"
	@$(FUZZ_CC) $(FUZZ_FLAGS) $(SAN) -fsanitize=fuzzer-no-link -c -o $@ $<

$B/fuzz/libpure.a: $(FUZZ_OBJS)
	@rm -f $@
	@ar rcs $@ $^

$B/fuzz/%: tests/fuzz/%.c $B/fuzz/libpure.a
	@mkdir -p $(@D)
	@echo "  HOSTCC $@"
	@$(FUZZ_CC) $(FUZZ_FLAGS) $(SAN) -fsanitize=fuzzer -o $@ $< \
		$B/fuzz/libpure.a

.PHONY: fuzz
fuzz: $(FUZZ)
	tests/fuzz/run $(FUZZ_SECONDS) $(FUZZ)

-include $(FUZZ_OBJS:.o=.d) $(FUZZ:=.d)
