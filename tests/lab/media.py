# SPDX-License-Identifier: BSD-2-Clause
"""What a machine boots from: an ISO image with GRUB, or a folder of files."""
import os
import shutil
import struct
import subprocess

from paths import LabError

# What a boot loader recognises an image by, and how far into the file.
MULTIBOOT1 = (0x1BADB002, 8192)
MULTIBOOT2 = (0xE85250D6, 32768)
GRUB_MODULES = "normal linux multiboot multiboot2 iso9660 acpi"
# By --boot: GRUB's platform and the modules that only this one has.
GRUB_PLATFORMS = {"grub-bios": ("i386-pc", "biosdisk"),
                  "grub-uefi": ("x86_64-efi", "")}
# By --boot: where QEMU's -kernel and TFTP server take the files from.
FOLDERS = ("multiboot1", "ipxe")
BOOTS = list(GRUB_PLATFORMS) + list(FOLDERS)
# Beside the image, for loaders that know Multiboot 1 only.
IMAGE32 = "ashlar.elf32"
IPXE_SCRIPT = "boot.ipxe"


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


def make_iso(directory, modules, cmdline, image=None, acpi=(),
             boot="grub-bios"):
    """Makes boot.iso in directory and returns its path.  modules: name to
    file, in order.  image: Ashlar's; None boots the modules bare.  acpi:
    files with tables instead of the firmware's."""
    platform, extra = GRUB_PLATFORMS[boot]
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
        ["grub-mkrescue", "-d", f"/usr/lib/grub/{platform}", "--locales=",
         "--fonts=", "--themes=",
         f"--install-modules={GRUB_MODULES} {extra}", "-o", iso, tree],
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
        stdin=subprocess.DEVNULL, check=False)
    if made.returncode:
        raise LabError("grub-mkrescue: " + made.stdout.strip()[-500:])
    shutil.rmtree(tree)
    return iso


def make_folder(directory, modules, cmdline, image, boot):
    """Makes a folder with the image and the modules under their names, and
    returns its path."""
    folder = os.path.join(directory, "files")
    os.mkdir(folder)
    if not os.path.isfile(image + "32"):
        raise LabError(f"no file {image}32, which --boot {boot} needs")
    for name, path in [*modules.items(), (IMAGE32, image + "32")]:
        os.symlink(os.path.abspath(path), os.path.join(folder, name))
    if boot == "ipxe":
        lines = ["#!ipxe", f"kernel {IMAGE32} {cmdline}".strip(),
                 *(f"module {name}" for name in modules), "boot", ""]
        with open(os.path.join(folder, IPXE_SCRIPT), "w",
                  encoding="utf-8") as file:
            file.write("\n".join(lines))
    return folder


def make_medium(spec, directory):
    """Makes what --boot asks for in directory and returns its path."""
    if spec.boot in GRUB_PLATFORMS:
        return make_iso(directory, spec.modules, spec.cmdline, spec.image,
                        spec.acpi, spec.boot)
    if spec.bare or spec.acpi:
        raise LabError(f"--bare and --acpi: not with --boot {spec.boot}")
    return make_folder(directory, spec.modules, spec.cmdline, spec.image,
                       spec.boot)
