# SPDX-License-Identifier: BSD-2-Clause
# make bench: figures against their targets, and build/bench/report.json.
.PHONY: bench
bench: lab payloads $(ELF)
	@tests/bench/run
