# SPDX-License-Identifier: Apache-2.0
"""Container images made by tools that nobody here wrote: umoci, skopeo and buildah."""

from __future__ import annotations

import os
import shutil
import struct
from collections.abc import Callable
from pathlib import Path

import pytest

from programs import run

# VFS_CAP_REVISION_2 | effective, CAP_NET_BIND_SERVICE permitted (linux/capability.h).
NET_BIND_SERVICE = struct.pack("<IIIII", 0x02000001, 1 << 10, 0, 0, 0)
CAPABILITY = "security.capability"


def need(*programs: str) -> None:
    for program in programs:
        if shutil.which(program) is None:
            pytest.skip(f"{program} is not installed: tools/setup interop")


def fill_first_layer(root: Path) -> None:
    """What layers hold in practice, one of each."""
    for folder in ("usr/bin", "usr/lib", "etc/app.d", "var/lib/app", "srv/old", "dev"):
        (root / folder).mkdir(parents=True)
    (root / "bin").symlink_to("usr/bin")
    (root / "usr/bin/app").write_bytes(b"#!/bin/sh\nexec true\n" * 5000)
    (root / "usr/bin/app").chmod(0o4755)
    os.link(root / "usr/bin/app", root / "usr/bin/app-alias")
    (root / "usr/lib/big").write_bytes(bytes(range(256)) * 8000)
    (root / "usr/lib/empty").touch()
    (root / ("usr/lib/" + "n" * 200)).write_text("a name that needs a long header\n")
    (root / "usr/lib/na\u00efve").write_text("not ASCII\n")
    (root / "etc/passwd").write_text("root:x:0:0::/root:/bin/sh\napp:x:1000:1001::/srv:/bin/sh\n")
    (root / "etc/group").write_text("root:x:0:\nstaff:x:50:app\napp:x:1001:\n")
    (root / "etc/app.d/one").write_text("1\n")
    (root / "srv/old/gone").write_text("removed by the second layer\n")
    (root / "var/lib/app/gone").write_text("removed by the second layer\n")
    (root / "var/lib/app/link").symlink_to("/etc/passwd")
    os.mkfifo(root / "var/lib/app/pipe", 0o640)
    os.chown(root / "var/lib/app", 1000, 1001)
    os.chmod(root / "var/lib/app", 0o2750)
    os.setxattr(root / "usr/lib/big", CAPABILITY, NET_BIND_SERVICE)
    os.mknod(root / "dev/null", 0o20666, os.makedev(1, 3))


def change_in_second_layer(root: Path) -> None:
    (root / "var/lib/app/gone").unlink()
    shutil.rmtree(root / "srv/old")
    (root / "srv/old").write_text("a file where a folder was\n")
    shutil.rmtree(root / "etc/app.d")
    (root / "etc/app.d").mkdir()
    (root / "etc/app.d/two").write_text("2\n")
    # Through a symbolic link of the layer below, as base images with /bin -> usr/bin have it.
    (root / "bin/late").write_text("late\n")


def umoci_image(folder: Path) -> Path:
    """An OCI layout of two layers with the tag "app"; the unpacked result is in rootfs/."""
    layout = folder / "layout"
    run("umoci", "init", "--layout", layout).expect(0)
    run("umoci", "new", "--image", f"{layout}:app").expect(0)
    for number, change in enumerate((fill_first_layer, change_in_second_layer)):
        bundle = folder / f"bundle{number}"
        run("umoci", "unpack", "--image", f"{layout}:app", bundle).expect(0)
        change(bundle / "rootfs")
        run("umoci", "repack", "--image", f"{layout}:app", bundle).expect(0)
    words = ["--config.entrypoint", "/usr/bin/app", "--config.entrypoint", "--serve"]
    words += ["--config.cmd", "--port=1", "--config.env", "GREETING=hello\nworld"]
    words += ["--config.user", "app:staff", "--config.workingdir", "/srv"]
    words += ["--config.stopsignal", "SIGQUIT"]
    run("umoci", "config", "--image", f"{layout}:app", *words).expect(0)
    run("umoci", "unpack", "--image", f"{layout}:app", folder / "bundle").expect(0)
    (folder / "bundle/rootfs").rename(folder / "rootfs")
    return layout


def skopeo_copies(layout: Path, folder: Path) -> dict[str, Path]:
    """The same image in every form that a user may have it in."""
    source = f"oci:{layout}:app"
    recompress: Callable[[str], list[str]] = lambda form: ["--dest-compress-format", form]
    copies: dict[str, tuple[str, list[str]]] = {
        "oci-archive": (f"oci-archive:{folder}/oci.tar:app", []),
        "docker-archive": (f"docker-archive:{folder}/docker.tar:example.com/app:1", []),
        "gzip": (f"oci:{folder}/gzip:app", ["--dest-compress", *recompress("gzip")]),
        "zstd": (f"oci:{folder}/zstd:app", ["--dest-compress", *recompress("zstd")]),
    }
    out: dict[str, Path] = {"layout": layout}
    for name, (target, options) in copies.items():
        words = ["--insecure-policy", "copy", *options, source, target]
        run("skopeo", *words).expect(0)
        out[name] = Path(target.split(":")[1])
    return out
