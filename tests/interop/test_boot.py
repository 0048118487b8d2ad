# SPDX-License-Identifier: Apache-2.0
"""The agent as the first process of a real kernel: Debian's, in a machine of QEMU."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from aws_oracle_client import Signer
from certificates import make_signer
from container_tools import CAPABILITY, NET_BIND_SERVICE, need
from local_aws import Cloud
from machine import Boot, boot, debian_kernel
from programs import Finished, run

Command = Callable[..., Finished]
ROOT = Path(__file__).resolve().parents[2]
PROBE = Path(__file__).with_name("boot_probe.c")
CMDLINE = "console=ttyS0 reboot=k panic=-1 quiet"
AGENT_TOML = """\
[enclave]
name = "boot"
minimum_release = 1
pcr8 = "{pcr8}"

[nsm]
device = "{device}"
trust_root = "/etc/cofferdam/nsm-root.pem"

[parent]
control = "{control}"
egress = "{egress}"

[aws]
region = "us-east-1"
ca_roots = "/etc/cofferdam/nsm-root.pem"

[workload]
socket = "/run/workload/agent.sock"
"""
AS_IN_AN_ENCLAVE = {
    "device": "device:/dev/nsm",
    "control": "vsock:3:9001",
    "egress": "vsock:3:9002",
}
# Beside the agent in the same machine, from a ramdisk behind those of the image.
AS_IN_THE_TEST = {
    "device": "unix:/test/nsm.sock",
    "control": "unix:/test/control.sock",
    "egress": "unix:/test/egress.sock",
}
FIRST = """\
#!/bin/sh
# The security module and the parent, which are elsewhere in reality; then the image's init.
/test/cofferdam nsm serve --listen unix:/test/nsm.sock --data /test/nsm {pcrs} &
/test/cofferdam-parent --control unix:/test/control.sock --egress unix:/test/egress.sock \\
  --release-manifest /test/manifest --ledger /test/ledger &
until [ -S /test/nsm.sock ] && [ -S /test/control.sock ]; do /test/sleep 0.1; done
exec /init
"""

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="owners and devices need root")


@dataclass(frozen=True)
class Image:
    parts: Path
    pcrs: dict[str, str]
    manifest: Path


@dataclass(frozen=True)
class Kit:
    """What every image here is made of."""

    kernel: Path
    module: Path
    rootfs: Path
    signer: Signer
    nsm_data: Path
    nsm_root: Path


@pytest.fixture(scope="module")
def kit(cloud: Cloud, tmp_path_factory: pytest.TempPathFactory) -> Kit:
    need("qemu-system-x86_64", "cpio", "gcc")
    folder = tmp_path_factory.mktemp("boot")
    kernel, module = debian_kernel(ROOT / "build/interop-kernel")
    rootfs, signer = make_rootfs(folder / "rootfs"), make_signer(folder, "P-384")
    return Kit(kernel, module, rootfs, signer, cloud.nsm_data, cloud.nsm_root)


def make_rootfs(rootfs: Path) -> Path:
    """A program with a file capability, and what names its user."""
    (rootfs / "app").mkdir(parents=True)
    (rootfs / "etc").mkdir()
    (rootfs / "etc/passwd").write_text("app:x:1000:1001::/srv:/bin/sh\n")
    (rootfs / "etc/group").write_text("app:x:1001:\nextra:x:27:app\n")
    words = ["-Wall", "-Wextra", "-Werror", "-O1", "-static"]
    run("gcc", *words, "-o", rootfs / "app/probe", PROBE).expect(0)
    os.setxattr(rootfs / "app/probe", CAPABILITY, NET_BIND_SERVICE)
    return rootfs


def build(cofferdam: Command, kit: Kit, folder: Path, settings: dict[str, str]) -> Image:
    certificate = ["--signing-cert", kit.signer.certificate]
    signing = [*certificate, "--signing-key", kit.signer.key]
    pcr8 = cofferdam("eif", "pcr", *certificate).expect(0).json()["PCR8"]
    config = folder / "config"
    config.mkdir()
    (config / "agent.toml").write_text(AGENT_TOML.format(pcr8=pcr8, **settings))
    shutil.copy(kit.nsm_root, config / "nsm-root.pem")
    image = folder / "image.eif"
    words = ["--rootfs", kit.rootfs, "--kernel", kit.kernel, "--cmdline", CMDLINE]
    words += ["--nsm-module", kit.module, "--config", config, "--user", "app", "--workdir", "/srv/made"]
    words += ["--env", "GREETING=hello", *signing, "--output", image]
    built = cofferdam("eif", "build", *words, "--", "/app/probe", "one word").expect(0).json()
    release = ["--name", "boot", "--release", "1", "--not-after", "2099-01-01T00:00:00Z"]
    manifest = folder / "manifest"
    cofferdam(
        "release", "create", "--image", image, *release, *signing, "--output", manifest
    ).expect(0)
    cofferdam("eif", "extract", image, "--output", folder / "parts").expect(0)
    return Image(folder / "parts", built["Measurements"], manifest)


def libraries(*programs: Path) -> set[Path]:
    """What the dynamic linker would load, and the linker itself."""
    listed = run("ldd", *programs).expect(0).stdout.decode()
    return {Path(path) for path in re.findall(r"(?:=> |^\s+)(/\S+) \(0x", listed, re.M)}


def services(program: Path, kit: Kit, image: Image, folder: Path) -> Path:
    """A ramdisk with the security module and the parent, started before /init."""
    root = folder / "services"
    test = root / "test"
    test.mkdir(parents=True)
    (root / "dev").mkdir()
    os.mknod(root / "dev/null", 0o20666, os.makedev(1, 3))
    shutil.copytree(kit.nsm_data, test / "nsm")
    shutil.copy(image.manifest, test / "manifest")
    parent = program.with_name("cofferdam-parent")
    for tool in (program, parent, Path("/bin/sleep")):
        shutil.copy(tool, test)
    for path in {Path("/bin/sh"), *libraries(program, parent, Path("/bin/sh"), Path("/bin/sleep"))}:
        target = root / str(path).lstrip("/")
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(path, target)
    registers = {name: image.pcrs[name] for name in ("PCR0", "PCR1", "PCR2", "PCR8")}
    pcrs = " ".join(f"--pcr {name[3:]}={value}" for name, value in registers.items())
    (test / "first").write_text(FIRST.format(pcrs=pcrs))
    (test / "first").chmod(0o755)
    return archive(root, folder / "services.cpio")


def archive(root: Path, output: Path) -> Path:
    """By GNU cpio, as others would make it."""
    names = "".join(f"{path.relative_to(root)}\0" for path in sorted(root.rglob("*")))
    words = ["--null", "--create", "--format=newc", "--quiet", "-D", str(root)]
    done = subprocess.run(["cpio", *words], input=names.encode(), capture_output=True, check=True)
    output.write_bytes(done.stdout)
    return output


def decisions(end: Boot) -> list[dict[str, object]]:
    """Not at the start of a line where the firmware left the cursor elsewhere."""
    return [json.loads(line) for line in re.findall(r'\{"time":.*\}', end.console)]


def assert_restarted(end: Boot) -> None:
    """QEMU ends instead of a restart, which the hypervisor takes for the enclave's end."""
    assert "Kernel panic" not in end.console, end.console
    assert "reboot: Restarting system" in end.console, end.console
    assert end.exit_code == 0


def test_without_a_module_it_says_so_and_ends_the_machine(
    cofferdam: Command, kit: Kit, tmp_path: Path
) -> None:
    end = boot(build(cofferdam, kit, tmp_path, AS_IN_AN_ENCLAVE).parts)
    assert_restarted(end)
    (refused,) = decisions(end)
    assert (refused["decision"], refused["reason"]) == ("deny", "nsm_unavailable")
    assert "cofferdam-agent: warning" not in end.console  # Of mounts, the loopback, the name.


@pytest.fixture(scope="module")
def life(
    cofferdam: Command, program: Path, kit: Kit, tmp_path_factory: pytest.TempPathFactory
) -> Boot:
    """An enclave from power on to the end of its workload."""
    folder = tmp_path_factory.mktemp("life")
    image = build(cofferdam, kit, folder, AS_IN_THE_TEST)
    disk = services(program, kit, image, folder)
    end = boot(image.parts, disk, append="rdinit=/test/first")
    assert_restarted(end)
    return end


def test_it_validates_itself_and_tells_the_parent(life: Boot) -> None:
    (allowed,) = decisions(life)
    assert (allowed["decision"], allowed["operation"]) == ("allow", "self_validation")
    assert "the enclave has validated itself" in life.console


def test_the_workload_has_its_own_root(life: Boot) -> None:
    names = {"app", "dev", "etc", "proc", "run", "srv", "sys", "tmp"}
    assert set(life.lines("probe root ")) == names


def test_the_workload_runs_as_its_image_says(life: Boot) -> None:
    assert life.lines("probe user ") == ["1000:1001"]
    assert life.lines("probe groups ") == ["1:27"]
    assert life.lines("probe cwd ") == ["/srv/made"]
    assert life.lines("probe argument ") == ["one word"]
    assert set(life.lines("probe env ")) == {
        "GREETING=hello",
        "HOME=/srv",
        "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
        "COFFERDAM_SOCKET=/run/workload/agent.sock",
    }


def test_a_file_capability_works_in_memory(life: Boot) -> None:
    (capabilities,) = life.lines("probe capabilities ")
    assert int(capabilities, 16) == 1 << 10  # CAP_NET_BIND_SERVICE and nothing else.


def test_the_machine_is_ready_for_a_workload(life: Boot) -> None:
    assert life.lines("probe host ") == ["enclave"]
    assert life.lines("probe loopback ") == ["up"]
    assert life.lines("probe service ") == ["HTTP/1.1 200 OK"]
    usable = ("/dev/null", "/dev/stdout", "/dev/pts/ptmx", "/etc/hosts", "/tmp")
    assert life.lines("probe file ") == [f"{path} usable" for path in usable]


def test_the_module_of_the_image_is_loaded(life: Boot) -> None:
    assert life.lines("probe module ") == ["loaded"]


def test_orphans_are_collected(life: Boot) -> None:
    assert life.lines("probe orphan ") == ["collected"]


def test_what_is_left_is_stopped_before_the_end(life: Boot) -> None:
    """The parent is a process of the same machine here, so that the report comes too late."""
    stopped = life.console.index("cofferdam-parent: info: stopping")
    assert life.console.index("how this ended: POST /v1/exit", stopped) > stopped
