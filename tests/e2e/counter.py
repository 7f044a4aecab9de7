# SPDX-License-Identifier: BSD-2-Clause
"""A count of VM exits that does not rest on Ashlar's ledger."""
import re

from symbols import address

STEP_TIMEOUT = 120
MAX_STOPS = 5000


class Counter:
    """Counts the stops at VM exits (Bochs' vmexitbp) of each CPU between its
    two ledger snapshots, which are where the marks take them."""

    def __init__(self, debugger, cpus):
        self.debugger = debugger
        self.cpus = cpus
        self.counting = set()
        self.stops = [0] * cpus
        self.snapshots = 0
        debugger.command(f"lb {address('ledger_snapshot'):#x}")

    def toggle(self, cpu):
        self.debugger.select_cpu(cpu)
        self.debugger.command("vmexitbp")
        self.counting ^= {cpu}

    def step(self):
        text = self.debugger.run(STEP_TIMEOUT)
        if re.search(r"Breakpoint \d+", text):
            # The first mark takes each vCPU's, then the second.
            self.toggle(self.snapshots % self.cpus)
            self.snapshots += 1
            return
        match = re.search(r"^\((\d+)\).*VMEXIT", text, re.M | re.I)
        assert match, text
        self.stops[int(match[1])] += 1

    def run(self):
        for _ in range(MAX_STOPS):
            self.step()
            if self.snapshots == 2 * self.cpus:
                return
        assert False, f"more than {MAX_STOPS} stops: {self.stops}"
