# SPDX-License-Identifier: Apache-2.0
"""A machine of QEMU that boots the kernel and the ramdisks of an enclave image, as the
hypervisor of Nitro does: `-kernel`, `-initrd` with the ramdisks one after another, `-append`."""

from __future__ import annotations

import lzma
import re
import shutil
import subprocess
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

import pytest

from container_tools import need
from programs import run

KERNEL_PACKAGE = "linux-image-cloud-amd64"
MODULE = "vsock.ko"
# Emulated, without KVM: five seconds on an idle machine.
LIMIT_SECONDS = 90


@dataclass(frozen=True)
class Boot:
    exit_code: int
    console: str
    seconds: float

    def lines(self, start: str) -> list[str]:
        """The rest of each line of the console that begins with `start`."""
        lines = self.console.splitlines()
        return [line.removeprefix(start) for line in lines if line.startswith(start)]


def debian_kernel(cache: Path) -> tuple[Path, Path]:
    """Debian's kernel for clouds and a module for it, from its package, which is not installed.
    A package without content depends on the one of today."""
    need("apt-get", "apt-cache", "dpkg-deb")
    depends = run("apt-cache", "depends", KERNEL_PACKAGE).stdout.decode()
    names = re.findall(r"Depends: (linux-image-\S+)", depends)
    if not names:
        pytest.skip(f"apt does not know {KERNEL_PACKAGE}")
    folder = cache / names[0]
    if not folder.exists():
        cache.mkdir(parents=True, exist_ok=True)
        download(names[0], folder)
    return next(folder.rglob("vmlinuz-*")), folder / MODULE


def download(package: str, folder: Path) -> None:
    with tempfile.TemporaryDirectory(dir=folder.parent) as work:
        words = ["-q", "-o", "APT::Sandbox::User=root", "download", package]
        done = subprocess.run(["apt-get", *words], cwd=work, capture_output=True, check=False)
        if done.returncode != 0:
            pytest.skip(f"cannot download {package}: {done.stderr.decode().strip()}")
        unpacked = Path(work) / "unpacked"
        run("dpkg-deb", "--extract", next(Path(work).glob("*.deb")), unpacked).expect(0)
        module = next(unpacked.rglob(f"{MODULE}*"))
        if module.suffix == ".xz":  # Since Debian 13.
            (unpacked / MODULE).write_bytes(lzma.decompress(module.read_bytes()))
        else:
            shutil.copy(module, unpacked)
        unpacked.rename(folder)


def boot(parts: Path, *more: Path, append: str = "") -> Boot:
    """Boots what `eif extract` wrote; `more` ramdisks follow those of the image."""
    disks = [*sorted(parts.glob("ramdisk*")), *more]
    initrd = parts / "initrd"
    initrd.write_bytes(b"".join(disk.read_bytes() for disk in disks))
    cmdline = f"{(parts / 'cmdline').read_text()} {append}"
    words = ["-accel", "tcg", "-cpu", "max", "-m", "512", "-net", "none", "-nographic"]
    words += ["-no-reboot", "-kernel", str(parts / "kernel"), "-initrd", str(initrd)]
    started = time.monotonic()
    done = subprocess.run(
        ["qemu-system-x86_64", *words, "-append", cmdline],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        timeout=LIMIT_SECONDS,
        check=False,
    )
    seconds = time.monotonic() - started
    console = done.stdout.decode(errors="replace").replace("\r", "")
    return Boot(done.returncode, console + done.stderr.decode(errors="replace"), seconds)
