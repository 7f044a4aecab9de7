#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""Does Ashlar measure its clock right while the host is busy?

Boots the QEMU machine, whose TSC is the host's, some times beside busy loops
and compares the frequency that Ashlar logs with the host's own.  A boot that is
off by more than 500 ppm without saying that its trials do not agree is one too
many.  For the hand: clock.py [BOOTS [LOOPS]].
"""
import re
import subprocess
import sys
import tempfile

from lab import run

LIMIT_PPM = 500
LOGGED = r"clock: TSC (\d+) kHz, APIC timer (\d+) kHz\s"
# QEMU's APIC timer counts nanoseconds.
TIMER_KHZ = 1_000_000
# By the clock that QEMU's timers follow.
PROGRAM = r"""
#include <stdio.h>
#include <time.h>
#include <x86intrin.h>

static double now(unsigned long long *tsc)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	*tsc = __rdtsc();
	return t.tv_sec + t.tv_nsec / 1e9;
}

int main(void)
{
	unsigned long long a, b;
	double from = now(&a), to = from;

	while (to - from < 2)
		to = now(&b);
	printf("%.0f\n", (double)(b - a) / (to - from) / 1000);
	return 0;
}
"""


def host_khz():
    with tempfile.TemporaryDirectory() as directory:
        program = f"{directory}/tsc"
        subprocess.run(["gcc", "-O2", "-x", "c", "-o", program, "-"],
                       input=PROGRAM, text=True, check=True)
        return int(subprocess.run([program], stdout=subprocess.PIPE,
                                  text=True, check=True).stdout)


def ppm(khz, truth):
    return round((khz - truth) / truth * 1e6)


def boot(truth):
    """How far one boot is off, and whether it says so."""
    text = run(["--machine", "qemu", "--cpus", "1", "--expect", LOGGED])[1]
    tsc, timer = map(int, re.search(LOGGED, text).groups())
    return ppm(tsc, truth), ppm(timer, TIMER_KHZ), "do not agree" in text


def main():
    words = [int(word) for word in sys.argv[1:]]
    boots, loops = words + [20, 4][len(words):]
    truth = host_khz()
    print(f"the host's TSC: {truth} kHz")
    busy = [subprocess.Popen([sys.executable, "-c", "while True: pass"])
            for _ in range(loops)]
    wrong = 0
    try:
        for n in range(boots):
            tsc, timer, said = boot(truth)
            off = max(abs(tsc), abs(timer)) > LIMIT_PPM
            wrong += off and not said
            print(f"boot {n + 1}: TSC {tsc:+} ppm, APIC timer {timer:+} ppm"
                  + ", said so" * said, flush=True)
    finally:
        for process in busy:
            process.kill()
            process.wait()
    print(f"{wrong} of {boots} off by more than {LIMIT_PPM} ppm in silence")
    return wrong > 0


if __name__ == "__main__":
    sys.exit(main())
