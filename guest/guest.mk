# SPDX-License-Identifier: BSD-2-Clause
# The guest's AML tables: guest/X.asl -> AML by iasl -> a C array, compiled into
# the hypervisor and the host programs alike.  Include this after PURE and
# before whatever is made from PURE.
AML := $B/guest/dsdt $B/guest/ssdt
PURE += $(AML:=.c)

$B/guest/%.aml: guest/%.asl
	@mkdir -p $(@D)
	$(IASL) -we -p $(basename $@) $< >$(basename $@).log || \
		{ cat $(basename $@).log; exit 1; }

# od writes the same bytes whichever iasl made them; iasl -tc differs between
# releases in the name of its array.
$B/guest/%.c: $B/guest/%.aml
	{ echo '/* Made from guest/$*.asl. */'; \
	  echo '#include "guest/acpi.h"'; \
	  echo 'const u8 guest_$*[] = {'; \
	  od -An -v -tx1 $< | sed 's/ \([0-9a-f][0-9a-f]\)/ 0x\1,/g'; \
	  echo '};'; \
	  echo 'const u32 guest_$*_size = sizeof(guest_$*);'; } >$@.tmp
	mv $@.tmp $@

.SECONDARY: $(AML:=.aml) $(AML:=.c)
