"""Checks whether the built functions can run in Lambda: python3 deploy/binaries.py arm64|x86_64 [FOLDER]

Reads FOLDER/*/bootstrap (target/lambda): the processor each is for, and the newest glibc it needs. Exits with 1 if
there is none, or if one of them cannot run.
"""

import re
import sys
from pathlib import Path

# System V ABI, "ELF header": e_machine.
MACHINES = {0xB7: "arm64", 0x3E: "x86_64"}
# The glibc of Amazon Linux 2023, on which provided.al2023 is based.
NEWEST_GLIBC = (2, 34)


def machine(elf):
    """The processor that a 64-bit little-endian ELF file is for; None if it is another file."""
    if elf[:6] != b"\x7fELF\x02\x01":
        return None
    number = int.from_bytes(elf[18:20], "little")
    return MACHINES.get(number, f"machine {number:#x}")


def glibc(elf):
    """The newest glibc whose symbols the file names; None if it is linked statically."""
    versions = re.findall(rb"\0GLIBC_(\d+)\.(\d+)(?:\.\d+)?(?=\0)", elf)
    return max(((int(major), int(minor)) for major, minor in versions), default=None)


def complaint(elf, architecture):
    """Why Lambda cannot run the file; None if it can."""
    found = machine(elf)
    if found is None:
        return "is no 64-bit ELF executable"
    if found != architecture:
        return f"is built for {found}, not for {architecture}: run `make build ARCH={architecture}`"
    newest = glibc(elf)
    if newest is not None and newest > NEWEST_GLIBC:
        return (
            f"needs glibc {newest[0]}.{newest[1]}, and Lambda has {NEWEST_GLIBC[0]}.{NEWEST_GLIBC[1]}: "
            "build it with `make build`, which links with zig"
        )
    return None


def main(architecture, folder="target/lambda"):
    if architecture not in MACHINES.values():
        sys.exit(f'ARCH is "{architecture}"; it must be arm64 or x86_64')
    binaries = sorted(Path(folder).glob("*/bootstrap"))
    if not binaries:
        sys.exit(f"there is no {folder}/*/bootstrap: run `make build ARCH={architecture}`")
    failed = False
    for binary in binaries:
        elf = binary.read_bytes()
        why = complaint(elf, architecture)
        if why:
            print(f"{binary} {why}", file=sys.stderr)
            failed = True
        else:
            newest = glibc(elf)
            links = f"glibc {newest[0]}.{newest[1]}" if newest else "no glibc"
            print(f"{binary}: {architecture}, {links}, {len(elf) / 1e6:.1f} MB")
    return 1 if failed else 0


if __name__ == "__main__":
    if len(sys.argv) not in (2, 3):
        sys.exit("usage: python3 deploy/binaries.py arm64|x86_64 [FOLDER]")
    sys.exit(main(*sys.argv[1:]))
