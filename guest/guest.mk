# SPDX-License-Identifier: BSD-2-Clause
# The guest's DSDT: guest/dsdt.asl -> AML by iasl -> a C array, compiled into
# the hypervisor and the host programs alike.  Include this after PURE and
# before whatever is made from PURE.
DSDT := $B/guest/dsdt
PURE += $(DSDT).c

$(DSDT).aml: guest/dsdt.asl
	@mkdir -p $(@D)
	$(IASL) -we -p $(DSDT) $< >$(DSDT).log || { cat $(DSDT).log; exit 1; }

# od writes the same bytes whichever iasl made them; iasl -tc differs between
# releases in the name of its array.
$(DSDT).c: $(DSDT).aml
	{ echo '/* Made from guest/dsdt.asl. */'; \
	  echo '#include "guest/acpi.h"'; \
	  echo 'const u8 guest_dsdt[] = {'; \
	  od -An -v -tx1 $< | sed 's/ \([0-9a-f][0-9a-f]\)/ 0x\1,/g'; \
	  echo '};'; \
	  echo 'const u32 guest_dsdt_size = sizeof(guest_dsdt);'; } >$@.tmp
	mv $@.tmp $@
