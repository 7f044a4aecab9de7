# SPDX-License-Identifier: BSD-2-Clause
# Images of Ashlar with one guard taken out: the test of the guard must fail on
# them.
$B/ashlar-wx.elf: $(OBJS:$B/hv/core/image.o=$B/hv/tests/variants/image-wx.o) \
		linker.ld
	$(LINK)

-include $B/hv/tests/variants/image-wx.d
