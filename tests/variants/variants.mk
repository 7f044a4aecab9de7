# SPDX-License-Identifier: BSD-2-Clause
# Images of Ashlar with one guard taken out: the test of the guard must fail on
# them.
#
# variant(NAME,OBJECTS,REPLACEMENTS): build/NAME, with these for those.
define variant
$B/$1: $(filter-out $(2:%=$B/hv/%),$(OBJS)) \
		$(3:%=$B/hv/tests/variants/%) linker.ld
	$$(LINK)
-include $(patsubst %.o,$B/hv/tests/variants/%.d,$3)
endef

$(eval $(call variant,ashlar-wx.elf,core/image.o,image-wx.o))
$(eval $(call variant,ashlar-vmx-swapped.elf,vmx/entry.o,vmx-entry-swapped.o))
$(eval $(call variant,ashlar-svm-swapped.elf,svm/entry.o,svm-entry-swapped.o))
$(eval $(call variant,ashlar-icr.elf,apic/vlapic.o,vlapic-open.o))
$(eval $(call variant,ashlar-msr.elf,exits/msr.o,msr-open.o))
$(eval $(call variant,ashlar-port.elf,console/logport.o,logport-open.o))
$(eval $(call variant,ashlar-memory.elf,partition/build.o,build-open.o))
$(eval $(call variant,ashlar-slow.elf,partition/machine.o,machine-slow.o))
$(eval $(call variant,ashlar-lock.elf,partition/machine.o,machine-open.o))
$(eval $(call variant,ashlar-pass.elf,vtd/dma.o,dma-pass-through.o))
$(eval $(call variant,ashlar-storm.elf,partition/faults.o,faults-open.o))
$(eval $(call variant,ashlar-serr.elf,devices/vpci.o,vpci-serr.o))
$(eval $(call variant,ashlar-msix.elf,devices/msix.o,msix-open.o))
$(eval $(call variant,ashlar-foreign.elf,devices/assign.o,assign-foreign.o))
$(eval $(call variant,ashlar-source.elf,devices/assign.o vtd/remap.o,\
	assign-foreign.o remap-open.o))
$(eval $(call variant,ashlar-frames.elf,partition/dma.o,dma-open.o))

$(eval $(call variant,ashlar-reason.elf,vmx/exit.o,vmx-any-reason.o))
$(eval $(call variant,ashlar-mce.elf,svm/exit.o,svm-machine-check.o))
$(eval $(call variant,ashlar-shadow.elf,svm/nmi.o,svm-no-shadow.o))

# Not a guard less but one more.
$B/ashlar-checked.elf: $(OBJS) $B/hv/tests/variants/entry-checked.o linker.ld
	$(LINK) -Wl,--wrap=vmx_handle_exit,--wrap=vmx_handle_kick
-include $B/hv/tests/variants/entry-checked.d

# Of a hand-back, by the function that is taken out.
HANDBACK_TWINS := guest_zero eli_hand_back lapic_quiet eli_reset_core \
	pci_reset
$(HANDBACK_TWINS:%=$B/ashlar-no-%.elf): $B/ashlar-no-%.elf: $(OBJS) \
		$B/hv/tests/variants/handback.o linker.ld
	$(LINK) -Wl,--wrap=$*

.PHONY: handback-twins
handback-twins: $(HANDBACK_TWINS:%=$B/ashlar-no-%.elf)

-include $B/hv/tests/variants/handback.d

# Firmware that leaves interrupts pending.
$B/ashlar-firmware.elf: $(OBJS) $B/hv/tests/variants/firmware.o linker.ld
	$(LINK) -Wl,--wrap=core_prepare

-include $B/hv/tests/variants/firmware.d
