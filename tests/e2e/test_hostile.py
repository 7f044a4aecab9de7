# SPDX-License-Identifier: BSD-2-Clause
"""Attacks by a partition: each contained, and evicted within a bound."""
import hostile
from hostile import ANY, DONE, ENDLESS, ENDS
from runs import background

INTERRUPTS = [("cli", ENDLESS), ("hlt", ENDLESS), ("tpr", ENDLESS),
              ("eoi", ENDLESS), ("self", ENDLESS), ("timer", ENDLESS),
              ("lvt", DONE), ("nmis", ENDLESS), ("inits", ENDLESS),
              ("suicide", ENDLESS), ("ipis", ENDLESS), ("base", DONE),
              ("xapic", DONE)]


@background
def attacks_interrupts(lab):
    return hostile.run(lab, INTERRUPTS)


def test_interrupts(attacks_interrupts):
    result = attacks_interrupts
    assert result.outcome == "seen", result.stderr
    hostile.check_victim(result)
