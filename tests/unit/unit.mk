# SPDX-License-Identifier: BSD-2-Clause
# Host unit tests: each test_X.c here is one cmocka program, linked with the
# pure sources under ASan and UBSan.
HOST_OBJS := $(patsubst %.c,$B/host/%.o,$(PURE) $(HOST_PURE))
UNIT := $(patsubst tests/unit/%.c,$B/unit/%,$(wildcard tests/unit/test_*.c))

$B/host/%.o: %.c
	@mkdir -p $(@D)
	@echo "  HOSTCC $@"
	@$(HOST_CC) $(HOST_CFLAGS) $(SAN) -c -o $@ $<

$B/host/libpure.a: $(HOST_OBJS)
	@rm -f $@
	@ar rcs $@ $^

$B/unit/%: tests/unit/%.c $B/host/libpure.a
	@mkdir -p $(@D)
	@echo "  HOSTCC $@"
	@$(HOST_CC) $(HOST_CFLAGS) $(SAN) -o $@ $< $B/host/libpure.a -lcmocka

.PHONY: unit
unit: $(UNIT)
	@tests/unit/run $(UNIT)

-include $(HOST_OBJS:.o=.d) $(UNIT:=.d)
