# SPDX-License-Identifier: BSD-2-Clause
# `make test`: all tests, part by part.  Each part is a target too: unit, host,
# fuzz, e2e, e2e-qemu.  Included last.
PYTHON ?= /usr/bin/python3
PYTEST := $(PYTHON) -m pytest -p no:cacheprovider

# Tests in Python that need no machine; the others are the end-to-end tests.
HOST_TESTS := tests/e2e/test_ashlarctl.py tests/e2e/test_decode_objdump.py \
	tests/e2e/test_lab.py tests/e2e/test_lint.py tests/e2e/test_report.py

# What a part needs is installed before anything of it is made.
.PHONY: setup-build setup-test
setup-build:
	@tools/setup build
setup-test:
	@tools/setup build test

$(OBJS) $(AML:=.aml) $(HOST_OBJS) $(CTL_OBJS): | setup-build
$(PAYLOAD_LIB) $(PAYLOAD_START) $(MB_OBJS): | setup-build
$(FUZZ_OBJS) $(UNIT) $(FUZZ): | setup-test
$(LAB)/vmlinuz $(LAB)/vmlinuz-full $(GUEST_PROGRAMS): | lab-root

.PHONY: host e2e e2e-qemu e2e-kvm test
host: setup-test setup-bench $B/ashlarctl $B/unit/decode_dump
	$(PYTEST) -q $(HOST_TESTS)

e2e: setup-test setup-bench lab payloads $(ELF) $(ELF)32 $B/ashlarctl
	$(PYTEST) -v -ra tests/e2e $(HOST_TESTS:%=--ignore=%)

# On SVM too, from the same sources.  The others name their machine, or need
# Bochs: its debugger, its exact ticks, its clock that is not the host's.
BOTH_TESTS := tests/e2e/test_boot.py tests/e2e/test_echo.py \
	tests/e2e/test_eli.py tests/e2e/test_exit.py \
	tests/e2e/test_flood.py \
	tests/e2e/test_handback.py tests/e2e/test_hostile.py \
	tests/e2e/test_lapic.py tests/e2e/test_lives.py \
	tests/e2e/test_monitor.py \
	tests/e2e/test_priority.py tests/e2e/test_restart.py \
	tests/e2e/test_sweep.py tests/e2e/test_two_linux.py
e2e-qemu: setup-test lab payloads $(ELF) $B/ashlarctl
	$(PYTEST) -v -ra --machine qemu $(BOTH_TESTS)

# Where the host nests: the machines of QEMU/KVM without an emulator below.
e2e-kvm: setup-test lab payloads $(ELF)32
	$(PYTEST) -v -ra --machine kvm tests/e2e/test_nested.py

# A part that fails does not keep the others from running.
test:
	@tests/all unit host fuzz e2e e2e-qemu
