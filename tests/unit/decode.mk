# SPDX-License-Identifier: BSD-2-Clause
# The decoder's answers, for tests/e2e/test_decode_objdump.py.
$B/unit/decode_dump: tests/unit/decode_dump.c $B/host/exits/decode.o \
		$B/host/exits/execute.o
	@mkdir -p $(@D)
	$(HOST_CC) $(HOST_CFLAGS) $(SAN) -o $@ $^

-include $B/unit/decode_dump.d
