# SPDX-License-Identifier: BSD-2-Clause
"""The boot medium: an ISO image with GRUB for BIOS."""
import os
import shutil
import struct
import subprocess

from paths import LabError

# What a boot loader recognises an image by, and how far into the file.
MULTIBOOT1 = (0x1BADB002, 8192)
MULTIBOOT2 = (0xE85250D6, 32768)
GRUB_MODULES = "normal linux multiboot multiboot2 iso9660 biosdisk acpi"


def multiboot_version(path):
    """2, 1 or 0 by the multiboot headers a file carries; 2 wins."""
    with open(path, "rb") as file:
        head = file.read(MULTIBOOT2[1])
    words = [w for (w,) in struct.iter_unpack("<I", head[:len(head) & ~3])]
    if MULTIBOOT2[0] in words:
        return 2
    return int(MULTIBOOT1[0] in words[:MULTIBOOT1[1] // 4])


def quote(text):
    """Words of a command line as GRUB's script reads them."""
    return " ".join("'" + word.replace("'", "'\\''") + "'"
                    for word in text.split())


def _multiboot_lines(version, kernel, cmdline, names):
    command, module = {1: ("multiboot", "module"),
                       2: ("multiboot2", "module2")}[version]
    lines = [f"{command} /boot/{kernel} {quote(cmdline)}"]
    # GRUB leaves the file's name out: the first word is the module's name.
    return lines + [f"{module} /boot/{n} {n}" for n in names]


def _linux_lines(modules, cmdline):
    lines = [f"linux /boot/vmlinuz {quote(cmdline)}"]
    if "initrd" in modules:
        lines.append("initrd /boot/initrd")
    elif "initrd.img" in modules:
        lines.append("initrd /boot/initrd.img")
    return lines


def _bare_lines(modules, cmdline):
    if "vmlinuz" in modules:
        return _linux_lines(modules, cmdline)
    for name, path in modules.items():
        version = multiboot_version(path)
        if version:
            rest = [n for n in modules if n != name]
            return _multiboot_lines(version, name, cmdline, rest)
    raise LabError("--bare needs a module vmlinuz or a multiboot image")


def _acpi_lines(paths, files):
    """GRUB puts each table in the place of the firmware's of its signature."""
    lines = []
    for index, path in enumerate(paths):
        with open(path, "rb") as file:
            signature = file.read(4).decode("ascii")
        files[f"acpi{index}"] = path
        lines.append(f"acpi --exclude={signature} /boot/acpi{index}")
    return lines


def make_iso(directory, modules, cmdline, image=None, acpi=()):
    """Makes boot.iso in directory and returns its path.  modules: name to
    file, in order.  image: Ashlar's; None boots the modules bare.  acpi:
    files with tables instead of the firmware's."""
    tree = os.path.join(directory, "iso")
    os.makedirs(os.path.join(tree, "boot/grub"))
    files = dict(modules)
    if image:
        lines = _multiboot_lines(2, "ashlar.elf", cmdline, list(modules))
        files["ashlar.elf"] = image
    else:
        lines = _bare_lines(modules, cmdline)
    lines = _acpi_lines(acpi, files) + lines
    for name, path in files.items():
        shutil.copy(path, os.path.join(tree, "boot", name))
    with open(os.path.join(tree, "boot/grub/grub.cfg"), "w",
              encoding="utf-8") as file:
        file.write("\n".join(["set timeout=0", "set gfxpayload=text"] +
                             lines + ["boot", ""]))
    iso = os.path.join(directory, "boot.iso")
    made = subprocess.run(
        ["grub-mkrescue", "-d", "/usr/lib/grub/i386-pc", "--locales=",
         "--fonts=", "--themes=", f"--install-modules={GRUB_MODULES}",
         "-o", iso, tree],
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
        stdin=subprocess.DEVNULL, check=False)
    if made.returncode:
        raise LabError("grub-mkrescue: " + made.stdout.strip()[-500:])
    shutil.rmtree(tree)
    return iso
