# SPDX-License-Identifier: BSD-2-Clause
"""Where the lab's files and programs are."""
import os
import subprocess

TOP = os.path.dirname(os.path.dirname(os.path.dirname(
    os.path.abspath(__file__))))
BUILD = os.environ.get("ASHLAR_BUILD", os.path.join(TOP, "build"))
CACHE = os.environ.get("ASHLAR_CACHE", "/var/cache/ashlar")
ROOT_STAMP = ".ashlar-root"
LIBRARIES = "usr/lib/x86_64-linux-gnu"


class LabError(Exception):
    """Something the lab needs is missing or was asked for wrongly."""


def _native_bochs():
    """Does the distribution itself have Bochs 3.0 or newer installed?"""
    query = subprocess.run(
        ["dpkg-query", "-W", "-f", "${db:Status-Status} ${Version}", "bochs"],
        stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True,
        check=False).stdout.split()
    return len(query) == 2 and query[0] == "installed" and subprocess.run(
        ["dpkg", "--compare-versions", query[1], "ge", "3.0"],
        check=False).returncode == 0


def machines_root():
    """The root directory the machines are installed under (see mkroot)."""
    root = os.path.join(CACHE, "trixie")
    if os.path.exists(os.path.join(root, ROOT_STAMP)):
        return root
    if _native_bochs():
        return "/"
    raise LabError("the machines are not installed; run: make lab")


def start(root, path):
    """The command that starts a program of the root, without a chroot: its
    own dynamic loader with its own libraries."""
    binary = os.path.join(root, path)
    if root == "/":
        return [binary]
    return [os.path.join(root, "usr/lib64/ld-linux-x86-64.so.2"),
            "--library-path", os.path.join(root, LIBRARIES), binary]


def program(root, path):
    """start(), of a program that must be on this machine."""
    if not os.path.exists(os.path.join(root, path)):
        raise LabError(f"no {os.path.join(root, path)}; run: make lab")
    return start(root, path)
