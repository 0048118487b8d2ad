# SPDX-License-Identifier: Apache-2.0
"""Container images of umoci, skopeo and buildah become enclave images that cpio,
lsinitramfs and AWS's library read alike."""

from __future__ import annotations

import base64
import gzip
import hashlib
import json
import os
import stat
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from aws_oracle_client import AwsOracle, Parts, registers
from certificates import make_signer
from container_tools import CAPABILITY, NET_BIND_SERVICE, need, skopeo_copies, umoci_image
from programs import Finished, run

Command = Callable[..., Finished]
FORMS = ["layout", "oci-archive", "docker-archive", "gzip", "zstd"]
CMDLINE = "reboot=k panic=30"
# Made where an image lacks them: the agent mounts something there.
MOUNT_POINTS = {"dev", "proc", "run", "sys", "tmp"}

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="owners and devices need root")


@dataclass(frozen=True)
class Container:
    """One image in every form, and what umoci unpacks of it."""

    forms: dict[str, Path]
    rootfs: Path


@pytest.fixture(scope="module")
def container(tmp_path_factory: pytest.TempPathFactory) -> Container:
    need("umoci", "skopeo")
    folder = tmp_path_factory.mktemp("container")
    layout = umoci_image(folder)
    return Container(skopeo_copies(layout, folder), folder / "rootfs")


@pytest.fixture(scope="module")
def kit(tmp_path_factory: pytest.TempPathFactory) -> list[str | Path]:
    """What every build here has in common. The init is a stand-in: nothing is started."""
    folder = tmp_path_factory.mktemp("kit")
    (folder / "kernel").write_bytes(b"kernel" * 1000)
    (folder / "init").write_bytes(b"init" * 1000)
    return ["--kernel", folder / "kernel", "--init", folder / "init", "--cmdline", CMDLINE]


def build(
    cofferdam: Command,
    kit: list[str | Path],
    output: Path,
    *words: str | Path,
    arguments: Iterable[str] = (),
) -> dict[str, str]:
    done = cofferdam("eif", "build", *kit, *words, "--output", output, *arguments)
    return registers(done.expect(0).json()["Measurements"])


def ramdisks(cofferdam: Command, image: Path) -> list[Path]:
    parts = image.parent / f"{image.name}.parts"
    cofferdam("eif", "extract", image, "--output", parts).expect(0)
    return sorted(parts.glob("ramdisk*"))


def unpack(ramdisk: Path) -> Path:
    """By GNU cpio, into a folder beside the archive."""
    need("cpio")
    root = ramdisk.parent / f"{ramdisk.name}.root"
    root.mkdir()
    words = ["--extract", "--make-directories", "--quiet", "--no-absolute-filenames"]
    run("cpio", *words, "-D", root, stdin=ramdisk.read_bytes()).expect(0)
    return root


def inventory(root: Path) -> dict[str, tuple[Any, ...]]:
    """What is at each path, times aside. Hard links are told by the names that share a file."""
    names: dict[int, list[str]] = {}
    found: dict[str, tuple[Any, ...]] = {}
    paths = sorted(str(path.relative_to(root)) for path in root.rglob("*"))
    for name in paths:
        names.setdefault((root / name).lstat().st_ino, []).append(name)
    for name in paths:
        path, info = root / name, (root / name).lstat()
        content: Any = None
        if stat.S_ISLNK(info.st_mode):
            content = os.readlink(path)
        elif stat.S_ISREG(info.st_mode):
            content = hashlib.sha256(path.read_bytes()).hexdigest()
        links = tuple(names[info.st_ino])
        found[name] = (oct(info.st_mode), info.st_uid, info.st_gid, info.st_rdev, content, links)
    return found


def assert_same_files(found: Path, expected: Path) -> None:
    ours, theirs = inventory(found), inventory(expected)
    added = {name for name in ours if name not in theirs}
    assert added <= MOUNT_POINTS
    assert {name: entry for name, entry in ours.items() if name not in added} == theirs


# --- Reading container images ---------------------------------------------------------------


@pytest.mark.parametrize("form", FORMS)
def test_an_unpacked_ramdisk_is_what_umoci_unpacks(
    cofferdam: Command, container: Container, kit: list[str | Path], tmp_path: Path, form: str
) -> None:
    build(cofferdam, kit, tmp_path / "image.eif", "--oci", container.forms[form])
    root = unpack(ramdisks(cofferdam, tmp_path / "image.eif")[1])
    assert_same_files(root / "rootfs", container.rootfs)


def test_every_form_of_an_image_measures_the_same(
    cofferdam: Command, container: Container, kit: list[str | Path], tmp_path: Path
) -> None:
    measured = {
        form: build(cofferdam, kit, tmp_path / f"{form}.eif", "--oci", path)
        for form, path in container.forms.items()
    }
    assert len(measured) == len(FORMS)
    for form, pcrs in measured.items():
        assert pcrs == measured["layout"], form


def test_a_folder_measures_as_the_container_it_was_unpacked_from(
    cofferdam: Command, container: Container, kit: list[str | Path], tmp_path: Path
) -> None:
    layout = build(cofferdam, kit, tmp_path / "oci.eif", "--oci", container.forms["layout"])
    settings = ["--user", "app:staff", "--workdir", "/srv", "--stop-signal", "SIGQUIT"]
    process = process_of(cofferdam, tmp_path / "oci.eif")
    for variable in process["env"]:
        settings += ["--env", variable]
    words = ["--rootfs", container.rootfs, *settings, "--entrypoint", "/usr/bin/app"]
    arguments = ["--", "--serve", "--port=1"]
    assert build(cofferdam, kit, tmp_path / "rootfs.eif", *words, arguments=arguments) == layout


def process_of(cofferdam: Command, image: Path) -> dict[str, Any]:
    root = unpack(ramdisks(cofferdam, image)[1])
    return json.loads((root / "etc/cofferdam/process.json").read_text())


def test_the_settings_of_the_container_are_kept(
    cofferdam: Command, container: Container, kit: list[str | Path], tmp_path: Path
) -> None:
    build(cofferdam, kit, tmp_path / "image.eif", "--oci", container.forms["oci-archive"])
    process = process_of(cofferdam, tmp_path / "image.eif")
    assert process["args"] == ["/usr/bin/app", "--serve", "--port=1"]
    assert "GREETING=hello\nworld" in process["env"]
    assert (process["cwd"], process["stopSignal"]) == ("/srv", "SIGQUIT")
    assert (process["user"]["uid"], process["user"]["gid"]) == (1000, 50)
    assert os.getxattr(container.rootfs / "usr/lib/big", CAPABILITY) == NET_BIND_SERVICE
    assert {
        "path": "/usr/lib/big",
        "name": CAPABILITY,
        "value": base64.b64encode(NET_BIND_SERVICE).decode(),
    } in process["attributes"]


@pytest.mark.parametrize("form", ["oci", "docker"])
def test_an_image_of_buildah_is_read(
    cofferdam: Command, kit: list[str | Path], tmp_path: Path, form: str
) -> None:
    need("buildah")
    # Storage of its own, and no driver that needs mounts.
    storage = ["--root", tmp_path / "store", "--runroot", tmp_path / "run"]
    buildah = ["buildah", *storage, "--storage-driver", "vfs"]
    made = run(*buildah, "from", "scratch")
    if made.exit_code != 0:
        pytest.skip(f"buildah does not run here: {made.stderr.strip()}")
    name = made.stdout.decode().strip()
    (tmp_path / "hello").write_text("hello\n")
    run(*buildah, "copy", name, tmp_path / "hello", "/hello").expect(0)
    run(*buildah, "config", "--entrypoint", '["/hello"]', "--user", "7:8", name).expect(0)
    target = f"{form}-archive:{tmp_path}/image.tar:example.com/hello:1"
    run(*buildah, "commit", "--disable-compression=false", name, target).expect(0)
    build(cofferdam, kit, tmp_path / "image.eif", "--oci", tmp_path / "image.tar")
    root = unpack(ramdisks(cofferdam, tmp_path / "image.eif")[1])
    assert (root / "rootfs/hello").read_text() == "hello\n"
    process = json.loads((root / "etc/cofferdam/process.json").read_text())
    assert (process["args"], process["user"]["uid"]) == (["/hello"], 7)


# --- Writing ramdisks and images ------------------------------------------------------------


def test_lsinitramfs_lists_our_ramdisks(
    cofferdam: Command, container: Container, kit: list[str | Path], tmp_path: Path
) -> None:
    need("lsinitramfs")
    build(cofferdam, kit, tmp_path / "image.eif", "--oci", container.forms["layout"])
    boot, application = ramdisks(cofferdam, tmp_path / "image.eif")
    # It takes an archive that is not compressed for one in front of the real one, and fails
    # when nothing follows.
    for ramdisk in (boot, application):
        ramdisk.write_bytes(gzip.compress(ramdisk.read_bytes()))
    assert "init" in run("lsinitramfs", boot).expect(0).stdout.decode().split()
    listed = set(run("lsinitramfs", application).expect(0).stdout.decode().splitlines())
    expected = {f"rootfs/{name}" for name in inventory(container.rootfs)}
    assert expected <= listed


@pytest.mark.parametrize("layout", ["cofferdam", "aws"])
def test_aws_builds_the_same_image_from_our_ramdisks(
    cofferdam: Command,
    oracle: AwsOracle,
    container: Container,
    kit: list[str | Path],
    tmp_path: Path,
    layout: str,
) -> None:
    words: list[str | Path] = ["--oci", container.forms["gzip"]]
    if layout == "aws":
        words += ["--compat", "aws", "--env", "GREETING=one line"]
    ours = build(cofferdam, kit, tmp_path / "ours.eif", *words)
    disks = ramdisks(cofferdam, tmp_path / "ours.eif")
    assert len(disks) == 2
    parts = Parts(tmp_path / "ours.eif.parts/kernel", CMDLINE, disks)
    metadata = oracle.describe(tmp_path / "ours.eif")["Metadata"]
    assert oracle.build(parts, tmp_path / "theirs.eif", metadata) == ours
    assert (tmp_path / "ours.eif").read_bytes() == (tmp_path / "theirs.eif").read_bytes()


def test_aws_accepts_a_signed_container(
    cofferdam: Command,
    oracle: AwsOracle,
    container: Container,
    kit: list[str | Path],
    tmp_path: Path,
) -> None:
    signer = make_signer(tmp_path, "P-384")
    words = ["--signing-cert", signer.certificate, "--signing-key", signer.key]
    ours = build(cofferdam, kit, tmp_path / "i.eif", "--oci", container.forms["zstd"], *words)
    theirs = oracle.describe(tmp_path / "i.eif")
    assert theirs["Measurements"] == ours
    assert theirs["SignatureVerifies"] is True and theirs["PayloadIsPcr0"] is True


def test_the_aws_layout_has_what_the_aws_init_reads(
    cofferdam: Command, container: Container, kit: list[str | Path], tmp_path: Path
) -> None:
    words = ["--compat", "aws", "--env", "GREETING=one line"]
    image = tmp_path / "image.eif"
    build(cofferdam, kit, image, "--oci", container.forms["layout"], *words)
    boot, application = (unpack(disk) for disk in ramdisks(cofferdam, image))
    assert {path.name for path in boot.iterdir()} == {"dev", "init"}
    assert {path.name for path in application.iterdir()} == {"rootfs", "cmd", "env"}
    # As nitro-cli: with a CMD there, the ENTRYPOINT is not looked at.
    assert (application / "cmd").read_text() == "--port=1\n"
    assert "GREETING=one line\n" in (application / "env").read_text()
    assert os.readlink(application / "rootfs/usr/bin/app-alias") == "app"
    assert os.readlink(application / "rootfs/etc/resolv.conf") == "/run/resolvconf/resolv.conf"
