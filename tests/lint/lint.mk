# SPDX-License-Identifier: BSD-2-Clause
# `make lint`: format, cppcheck, clang-tidy, and the checks of tests/lint/check,
# tests/lint/rooms (order of the rooms), tests/lint/reach (who reaches what).
# All of them run even if one finds something.
LINT_C := $(sort $(patsubst ./%,%,$(shell find . -name build -prune -o \
	-name '*.[ch]' -print)))
# Compiled for the hypervisor, and for the host.
LINT_HV := $(filter-out tests/% tools/%,$(filter %.c,$(LINT_C)))
LINT_HOST := $(filter tests/% tools/%,$(filter %.c,$(LINT_C)))

# Beside the root, for bare guests.
LINT_INCLUDE := -Itests/guest/payloads
# What clang must know of CFLAGS to read the sources; it knows not all of GCC's.
TIDY_FLAGS := -std=gnu11 -O2 -I. $(LINT_INCLUDE)
TIDY_HV := $(TIDY_FLAGS) -ffreestanding -m64 -mno-red-zone -mgeneral-regs-only \
	-mcmodel=kernel
# It stumbles over attributes behind a pointer to a function.
CPPCHECK_FLAGS := -q --std=c11 --platform=unix64 -D__x86_64__ -I. \
	"-D__attribute__(x)=" \
	--enable=warning,style,performance,portability --error-exitcode=1 \
	--suppressions-list=tests/lint/cppcheck.suppressions
LINT_PARTS := lint-format lint-cppcheck lint-tidy lint-tree lint-rooms \
	lint-reach

# For tests/lint/reach: what the compiler does between functions is undone.
REACH_OBJS := $(OBJS:$B/hv/%=$B/reach/%)
REACH_CFLAGS := $(CFLAGS) -w -ffunction-sections -fdata-sections -fno-inline \
	-fno-ipa-cp -fno-ipa-sra -fno-ipa-icf -fno-partial-inlining

.PHONY: lint setup-lint $(LINT_PARTS)
lint:
	@tests/all $(LINT_PARTS)

setup-lint:
	@tools/setup build test lint

lint-format: setup-lint
	clang-format --dry-run -Werror $(LINT_C)

lint-cppcheck: setup-lint
	cppcheck $(CPPCHECK_FLAGS) -j2 $(filter %.c,$(LINT_C))

# On stderr are counts of what is suppressed and of no interest.
lint-tidy: setup-lint
	@echo "clang-tidy: $(words $(LINT_HV) $(LINT_HOST)) files"
	@status=0; \
	printf '%s\n' $(LINT_HV) | xargs -P2 -n2 sh -c \
		'clang-tidy -quiet "$$@" -- $(TIDY_HV) 2>/dev/null' sh || \
		status=1; \
	printf '%s\n' $(LINT_HOST) | xargs -P2 -n2 sh -c \
		'clang-tidy -quiet "$$@" -- $(TIDY_FLAGS) 2>/dev/null' sh || \
		status=1; \
	exit $$status

lint-tree: setup-lint
	@$(PYTHON) tests/lint/check --cc "$(CC)" \
		--flags "$(filter-out -MMD -MP,$(CFLAGS)) $(LINT_INCLUDE)" \
		--cc "$(HOST_CC)" \
		--flags "$(filter-out -MMD -MP,$(HOST_CFLAGS)) $(LINT_INCLUDE)"

lint-rooms: setup-lint $(OBJS)
	@$(PYTHON) tests/lint/rooms --objects $B/hv $(OBJS)

$(REACH_OBJS): | setup-build
$B/reach/%.o: %.c
	@mkdir -p $(@D)
	@$(CC) $(REACH_CFLAGS) -c -o $@ $<

$B/reach/%.o: %.S
	@mkdir -p $(@D)
	@$(CC) -I. -MMD -MP -c -o $@ $<

lint-reach: setup-lint $(REACH_OBJS)
	@$(PYTHON) tests/lint/reach --objects $B/reach $(REACH_OBJS)

-include $(REACH_OBJS:.o=.d)
