# SPDX-License-Identifier: BSD-2-Clause
# make bench: bare and each mode side by side; build/bench has the report.
# BENCH_FLAGS: as tests/bench/run takes them.
BENCH_FLAGS ?=

.PHONY: bench setup-bench
setup-bench:
	@tools/setup build bench

bench: setup-bench lab payloads $(ELF) $B/ashlarctl
	@tests/bench/run $(BENCH_FLAGS)
