"""What `make build` and `make deploy` say of the functions that were built."""

import contextlib
import io
import sys
import tempfile
import unittest
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2] / "deploy"))
import binaries


def elf(machine, *versions):
    """The part of an executable that the script reads."""
    head = b"\x7fELF\x02\x01" + bytes(12) + machine.to_bytes(2, "little")
    return head + b"\0" + b"\0".join(versions) + b"\0"


ARM64, X86_64 = 0xB7, 0x3E


class Binaries(unittest.TestCase):
    def test_a_binary_that_lambda_cannot_run_is_refused(self):
        for name, content, architecture, why in [
            ("what was asked for", elf(ARM64, b"GLIBC_2.17", b"GLIBC_2.34"), "arm64", None),
            ("the other one", elf(X86_64, b"GLIBC_2.2.5", b"GLIBC_2.30"), "x86_64", None),
            ("linked statically", elf(X86_64), "x86_64", None),
            ("another processor", elf(X86_64), "arm64", "built for x86_64, not for arm64: run `make build ARCH=arm64`"),
            ("a processor without a name", elf(0xF3), "arm64", "machine 0xf3"),
            ("a newer glibc", elf(X86_64, b"GLIBC_2.9", b"GLIBC_2.36"), "x86_64", "needs glibc 2.36, and Lambda has 2.34"),
            ("a script", b"#!/bin/sh\n", "x86_64", "is no 64-bit ELF executable"),
            ("nothing", b"", "x86_64", "is no 64-bit ELF executable"),
        ]:
            complaint = binaries.complaint(content, architecture)
            if why is None:
                self.assertIsNone(complaint, name)
            else:
                self.assertIn(why, complaint, name)

    def test_one_wrong_function_of_several_is_enough(self):
        with tempfile.TemporaryDirectory() as folder:
            for name, machine in [("one", ARM64), ("other", X86_64)]:
                Path(folder, name).mkdir()
                Path(folder, name, "bootstrap").write_bytes(elf(machine))
            said = io.StringIO()
            with contextlib.redirect_stdout(said), contextlib.redirect_stderr(said):
                self.assertEqual(binaries.main("arm64", folder), 1)
            self.assertIn("one/bootstrap: arm64", said.getvalue())
            self.assertIn("other/bootstrap is built for x86_64", said.getvalue())

    def test_a_missing_binary_is_a_failure(self):
        with tempfile.TemporaryDirectory() as folder, self.assertRaisesRegex(SystemExit, "run `make build ARCH=arm64`"):
            binaries.main("arm64", folder)
        with self.assertRaisesRegex(SystemExit, "must be arm64 or x86_64"):
            binaries.main("aarch64")


if __name__ == "__main__":
    unittest.main()
