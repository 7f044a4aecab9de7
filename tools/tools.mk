# SPDX-License-Identifier: BSD-2-Clause
# Host programs.  ashlarctl is made from the hypervisor's own table sources.
TABLE_SRCS := table/table.c table/table_word.c table/table_keys.c \
	table/table_check.c
CTL_OBJS := $(patsubst %.c,$B/tools/%.o,tools/ashlarctl.c $(HOST_PURE) \
	$(TABLE_SRCS) core/fmt.c)

$B/tools/%.o: %.c
	@mkdir -p $(@D)
	@echo "  HOSTCC $@"
	@$(HOST_CC) $(HOST_CFLAGS) -c -o $@ $<

$B/ashlarctl: $(CTL_OBJS)
	@echo "  HOSTCC $@"
	@$(HOST_CC) -o $@ $^

.PHONY: tools
tools: $B/ashlarctl

-include $(CTL_OBJS:.o=.d)
