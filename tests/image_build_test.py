#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""`cofferdam eif build` of containers and folders: the same bytes wherever it runs, and
nothing left behind where it fails.

Usage: image_build_test.py PATH-TO-COFFERDAM [UNITTEST-ARGUMENTS]
"""

import gzip
import hashlib
import io
import json
import os
import pathlib
import shutil
import subprocess
import sys
import tarfile
import tempfile
import time
import unittest

COFFERDAM = ""
NOBODY = 65534


# ---- Containers, written without any code of ours


def layer(entries):
    """A plain layer of (name, content or None for a folder, attributes)."""
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w", format=tarfile.PAX_FORMAT) as tar:
        for name, content, attributes in entries:
            info = tarfile.TarInfo(name)
            info.mtime = 1700000000
            if content is None:
                info.type, info.mode = tarfile.DIRTYPE, 0o755
            else:
                info.size, info.mode = len(content), 0o644
            for key, value in attributes.items():
                setattr(info, key, value)
            tar.addfile(info, io.BytesIO(content or b""))
    return out.getvalue()


LAYERS = [
    layer([
        ("etc", None, {}),
        ("etc/passwd", b"root:x:0:0::/root:/bin/sh\napp:x:1000:1001::/srv:/bin/sh\n", {}),
        ("etc/group", b"root:x:0:\napp:x:1001:\nstaff:x:50:app\n", {}),
        ("bin", None, {}),
        ("bin/app", b"#!/bin/sh\nexec true\n" * 4000, {"mode": 0o755}),
        ("bin/old", b"removed by the next layer", {}),
        ("bin/ping", b"ping", {"mode": 0o755, "pax_headers": {
            "SCHILY.xattr.security.capability": "\1\0\0\2\0\4\0\0\0\0\0\0\0\0\0\0\0\0\0\0"}}),
    ]),
    layer([
        ("bin/.wh.old", b"", {}),
        ("bin/link", b"", {"type": tarfile.LNKTYPE, "linkname": "bin/app"}),
        ("srv", None, {"uid": 1000, "gid": 1001, "mode": 0o750}),
        ("srv/data", os.urandom(16).hex().encode() * 5000, {"uid": 1000}),
        ("tmp", None, {"mode": 0o1777}),
    ]),
]

SETTINGS = {
    "Entrypoint": ["/bin/app", "--serve"],
    "Cmd": ["--port=1"],
    "Env": ["PATH=/bin", "GREETING=two\nlines"],
    "WorkingDir": "/srv",
    "User": "app:staff",
    "StopSignal": "SIGQUIT",
}


def sha256(data):
    return hashlib.sha256(data).hexdigest()


def configuration(settings, layers=None, architecture="amd64"):
    return json.dumps({
        "architecture": architecture, "os": "linux", "config": settings,
        "rootfs": {"type": "layers",
                   "diff_ids": ["sha256:" + sha256(one) for one in layers or LAYERS]},
    }).encode()


def write_oci(folder, config, reference="payments:7", compress=True, layers=None):
    """An OCI image layout."""
    blobs = folder / "blobs/sha256"
    blobs.mkdir(parents=True)

    def blob(data, media_type):
        (blobs / sha256(data)).write_bytes(data)
        return {"mediaType": "application/vnd.oci.image." + media_type,
                "digest": "sha256:" + sha256(data), "size": len(data)}

    manifest = {"schemaVersion": 2, "mediaType": "application/vnd.oci.image.manifest.v1+json",
                "config": blob(config, "config.v1+json"), "layers": []}
    for one in layers or LAYERS:
        data = gzip.compress(one, mtime=0) if compress else one
        manifest["layers"].append(
            blob(data, "layer.v1.tar+gzip" if compress else "layer.v1.tar"))
    entry = blob(json.dumps(manifest).encode(), "manifest.v1+json")
    entry["annotations"] = {"org.opencontainers.image.ref.name": reference}
    (folder / "oci-layout").write_text('{"imageLayoutVersion": "1.0.0"}')
    (folder / "index.json").write_text(json.dumps({"schemaVersion": 2, "manifests": [entry]}))


def write_docker(path, config, reference="payments:7"):
    """What `docker save` writes."""
    with tarfile.open(path, "w") as tar:
        def add(name, data):
            info = tarfile.TarInfo(name)
            info.size = len(data)
            tar.addfile(info, io.BytesIO(data))

        names = []
        for one in LAYERS:
            names.append(sha256(one) + "/layer.tar")
            add(names[-1], one)
        add(sha256(config) + ".json", config)
        add("manifest.json", json.dumps([{"Config": sha256(config) + ".json",
                                          "RepoTags": [reference], "Layers": names}]).encode())


def pack(folder, path):
    with tarfile.open(path, "w") as tar:
        for one in sorted(folder.rglob("*")):
            tar.add(one, arcname=str(one.relative_to(folder)), recursive=False)


AGENT_TOML = f"""
[enclave]
name = "payments"
minimum_release = 1
pcr8 = "{'a' * 96}"
[nsm]
device = "device:/dev/nsm"
[parent]
control = "vsock:3:9001"
egress = "vsock:3:9002"
[aws]
region = "us-east-1"
ca_roots = "/etc/cofferdam/roots.pem"
[workload]
socket = "/run/cofferdam.sock"
"""


def fill(root, reverse=False):
    """A root file system, its files made in either order."""
    names = [f"usr/share/{letter}/{number}" for letter in "abcxyz" for number in range(20)]
    for name in reversed(names) if reverse else names:
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.parent.chmod(0o755)
        path.write_text(name * 100)
        path.chmod(0o644)
    for folder in ("usr", "usr/share"):
        (root / folder).chmod(0o755)
    (root / "bin").symlink_to("usr/bin")
    (root / "usr/z").write_text("twice")
    (root / "usr/z").chmod(0o755)
    first, second = ("usr/z", "usr/a") if reverse else ("usr/a", "usr/z")
    if reverse:
        os.link(root / first, root / second)
    else:
        (root / "usr/z").rename(root / first)
        os.link(root / first, root / second)


def ramdisk_files(archive):
    """{name: (mode, uid, mtime, content)} of a newc archive, read by hand."""
    out, at = {}, 0
    while True:
        fields = [int(archive[at + 6 + 8 * i:at + 14 + 8 * i], 16) for i in range(13)]
        name_at = at + 110
        name = archive[name_at:name_at + fields[11] - 1].decode()
        content_at = (name_at + fields[11] + 3) & ~3
        if name == "TRAILER!!!":
            return out
        out[name] = (fields[1], fields[2], fields[5], archive[content_at:content_at + fields[6]])
        at = (content_at + fields[6] + 3) & ~3


class ImageBuildTest(unittest.TestCase):
    def setUp(self):
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="cofferdam-build-"))
        self.addCleanup(shutil.rmtree, self.folder)
        self.folder.chmod(0o755)
        self.out = self.folder / "out"
        self.out.mkdir()
        self.out.chmod(0o777)
        self.write("kernel", b"a kernel" * 1000)
        self.write("init", b"an init" * 1000)
        self.write("nsm.ko", b"a module")
        (self.folder / "config").mkdir()
        self.write("config/agent.toml", AGENT_TOML.encode())
        self.write("config/roots.pem", b"roots")
        write_oci(self.folder / "oci", configuration(SETTINGS))

    def write(self, name, data):
        (self.folder / name).write_bytes(data)

    def run_build(self, *arguments, name="image.eif", user=None, umask=0o022, environment=None):
        command = [COFFERDAM, "eif", "build", "--kernel", self.folder / "kernel",
                   "--init", self.folder / "init", "--output", self.out / name, *arguments]
        kept = {key: os.environ[key] for key in ("PATH", "ASAN_OPTIONS") if key in os.environ}
        kept.update(environment or {})
        return subprocess.run(command, env=kept, user=user, group=user, umask=umask,
                              extra_groups=[] if user else None, capture_output=True, text=True,
                              check=False, cwd="/")

    def build(self, *arguments, name="image.eif", **how):
        """The image's bytes."""
        done = self.run_build(*arguments, name=name, **how)
        self.assertEqual(done.returncode, 0, done.stderr)
        self.measurements = json.loads(done.stdout)["Measurements"]
        self.stderr = done.stderr
        return (self.out / name).read_bytes()

    def extract(self, name="image.eif"):
        parts = self.folder / "parts"
        subprocess.run([COFFERDAM, "eif", "extract", self.out / name, "--output", parts],
                       check=True, capture_output=True)
        return [ramdisk_files((parts / f"ramdisk{i}").read_bytes()) for i in range(2)]

    def describe(self):
        done = subprocess.run([COFFERDAM, "eif", "describe", self.out / "image.eif"],
                              check=True, capture_output=True)
        return json.loads(done.stdout)

    def oci(self, *more):
        return ("--oci", self.folder / "oci", "--config", self.folder / "config", *more)

    # ---- The same bytes

    def test_every_form_of_one_container_gives_the_same_bytes(self):
        config = configuration(SETTINGS)
        write_docker(self.folder / "docker.tar", config)
        pack(self.folder / "oci", self.folder / "oci.tar")
        write_oci(self.folder / "plain", config, compress=False)
        first = self.build(*self.oci())
        for form in ("docker.tar", "oci.tar", "plain"):
            again = self.build("--oci", self.folder / form, "--config", self.folder / "config")
            self.assertEqual(again, first, form)
        described = self.describe()
        self.assertEqual(described["ImageName"], "payments")
        self.assertEqual(described["ImageVersion"], "sha256:" + sha256(config))

    def test_user_umask_locale_zone_and_clock_change_nothing(self):
        (self.folder / "rootfs").mkdir()
        fill(self.folder / "rootfs")
        (self.folder / "rootfs").chmod(0o755)
        inputs = [self.oci("--nsm-module", self.folder / "nsm.ko"),
                  ("--rootfs", self.folder / "rootfs", "--config", self.folder / "config",
                   "--", "/usr/a")]
        for arguments in inputs:
            first = self.build(*arguments)
            time.sleep(1.1)  # Another second on the wall clock.
            strange = {"LANG": "tr_TR.UTF-8", "LC_ALL": "tr_TR.UTF-8", "TZ": "Asia/Kathmandu",
                       "HOME": "/nonexistent", "HOSTNAME": "elsewhere"}
            for umask in (0, 0o077):
                self.assertEqual(self.build(*arguments, umask=umask, environment=strange), first)
            if os.geteuid() == 0:
                again = self.build(*arguments, name="nobody.eif", user=NOBODY, umask=0o077,
                                   environment=strange)
                self.assertEqual(again, first)

    def test_the_order_and_the_place_of_a_folders_files_change_nothing(self):
        images = []
        for place in ("/dev/shm", str(self.folder)):
            for reverse in (False, True):
                if not os.access(place, os.W_OK):
                    continue
                root = pathlib.Path(tempfile.mkdtemp(dir=place))
                self.addCleanup(shutil.rmtree, root)
                fill(root, reverse)
                images.append(self.build("--rootfs", root, "--owner", "0:0", "--config",
                                         self.folder / "config", "--", "/usr/a"))
        self.assertGreaterEqual(len(images), 2)
        for image in images:
            self.assertEqual(image, images[0])

    def test_signed_images_differ_in_their_signatures_only(self):
        subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt",
                        "ec_paramgen_curve:P-384", "-nodes", "-keyout", self.folder / "key.pem",
                        "-out", self.folder / "cert.pem", "-days", "2", "-subj", "/CN=test"],
                       check=True, capture_output=True)
        sign = ("--signing-cert", self.folder / "cert.pem",
                "--signing-key", self.folder / "key.pem")
        unsigned = self.build(*self.oci())
        images = [self.build(*self.oci(*sign)) for _ in range(2)]
        body = slice(548, len(unsigned))
        for image in images:
            self.assertEqual(image[body], unsigned[body])
        self.assertNotEqual(*images)

    # ---- What is in it

    def test_boot_ramdisk_and_container_are_apart(self):
        self.build(*self.oci("--nsm-module", self.folder / "nsm.ko"))
        boot, application = self.extract()
        self.assertEqual(list(boot), ["dev", "init", "nsm.ko"])
        self.assertEqual(boot["init"][3], (self.folder / "init").read_bytes())
        self.assertEqual({mtime for _, _, mtime, _ in (boot | application).values()}, {0})
        self.assertNotIn("rootfs/bin/old", application)
        self.assertEqual(application["rootfs/srv"][:2], (0o040750, 1000))
        self.assertEqual(application["etc/cofferdam/agent.toml"][3], AGENT_TOML.encode())

    def test_pcr1_does_not_depend_on_the_application(self):
        self.build(*self.oci())
        first = self.measurements
        self.build(*self.oci("--env", "A=1"))
        self.assertEqual(self.measurements["PCR1"], first["PCR1"])
        self.assertNotEqual(self.measurements["PCR2"], first["PCR2"])

    def process(self, *more):
        self.build(*self.oci(*more))
        return json.loads(self.extract()[1]["etc/cofferdam/process.json"][3])

    def test_the_containers_settings_are_kept(self):
        process = self.process()
        self.assertEqual(process["args"], ["/bin/app", "--serve", "--port=1"])
        self.assertIn("GREETING=two\nlines", process["env"])
        self.assertEqual(process["cwd"], "/srv")
        self.assertEqual((process["user"]["uid"], process["user"]["gid"]), (1000, 50))
        self.assertEqual(process["stopSignal"], "SIGQUIT")
        self.assertEqual(process["root"], "/rootfs")
        self.assertEqual([one["path"] for one in process["attributes"]], ["/bin/ping"])

    def test_what_is_typed_wins(self):
        process = self.process("--env", "GREETING=mine", "--env", "MORE=1", "--workdir", "/tmp",
                               "--user", "7:8", "--", "one", "--two")
        self.assertEqual(process["args"], ["/bin/app", "--serve", "one", "--two"])
        self.assertIn("GREETING=mine", process["env"])
        self.assertIn("MORE=1", process["env"])
        self.assertNotIn("GREETING=two\nlines", process["env"])
        self.assertEqual(process["cwd"], "/tmp")
        self.assertEqual((process["user"]["uid"], process["user"]["gid"]), (7, 8))
        process = self.process("--entrypoint", "/bin/ping")
        self.assertEqual(process["args"], ["/bin/ping"])

    def test_a_given_time_is_that_of_every_file_and_of_the_build(self):
        self.build(*self.oci("--source-date-epoch", "1700000000"))
        boot, application = self.extract()
        self.assertEqual({one[2] for one in (boot | application).values()}, {1700000000})
        self.assertEqual(self.describe()["Metadata"]["BuildTime"], "2023-11-14T22:13:20Z")

    def test_pcr16_is_printed_on_request(self):
        self.build(*self.oci())
        self.assertNotIn("PCR16", self.measurements)
        self.build(*self.oci("--pcr16"))
        self.assertRegex(self.measurements["PCR16"], "^[0-9a-f]{96}$")

    def test_host_facts_are_in_the_metadata_on_request_only(self):
        self.build(*self.oci())
        metadata = self.describe()["Metadata"]
        self.assertEqual(metadata["BuildTime"], "1970-01-01T00:00:00Z")
        self.assertNotIn("BuildHost", metadata)
        measured = self.measurements
        self.build(*self.oci("--host-facts"))
        metadata = self.describe()["Metadata"]
        self.assertNotEqual(metadata["BuildTime"], "1970-01-01T00:00:00Z")
        self.assertEqual(metadata["BuildHost"]["Machine"], os.uname().machine)
        self.assertEqual(self.measurements, measured)

    def test_other_programs_read_the_ramdisks(self):
        self.build(*self.oci("--nsm-module", self.folder / "nsm.ko"))
        self.extract()
        for number, expected in ((0, "nsm.ko"), (1, "rootfs/bin/app")):
            path = self.folder / f"parts/ramdisk{number}"
            # lsinitramfs looks for a second archive and fails at the end, after its list.
            for command, status in ((["cpio", "-it", "--quiet"], 0), (["lsinitramfs", path], 2)):
                if shutil.which(command[0]) is None:
                    continue
                with open(path, "rb") as file:
                    done = subprocess.run(command, stdin=file, capture_output=True, text=True,
                                          check=False)
                self.assertEqual(done.returncode, status, done.stderr)
                self.assertIn(expected, done.stdout.split("\n"), command)

    # ---- As AWS's tool makes them

    def test_blobs_fill_what_is_not_given(self):
        blobs = self.folder / "blobs"
        blobs.mkdir()
        for name, data in (("bzImage", b"kernel of blobs"), ("init", b"AWS's init"),
                           ("nsm.ko", b"AWS's module"), ("cmdline", b"console=ttyS0 \n"),
                           ("bzImage.config",
                            b"#\n# Linux/x86 4.14.256 Kernel Configuration\n")):
            (blobs / name).write_bytes(data)
        done = subprocess.run([COFFERDAM, "eif", "build", "--compat", "aws", "--blobs", blobs,
                               "--oci", self.folder / "oci", "--output", self.out / "image.eif"],
                              capture_output=True, text=True, check=False)
        # A variable with two lines cannot be written as AWS's init reads it.
        self.assertEqual(done.returncode, 1)
        self.assertIn("[unsupported]", done.stderr)
        done = subprocess.run([COFFERDAM, "eif", "build", "--compat", "aws", "--blobs", blobs,
                               "--oci", self.folder / "oci", "--env", "GREETING=one",
                               "--output", self.out / "image.eif"],
                              capture_output=True, text=True, check=False)
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertIn("ENTRYPOINT is NOT", done.stderr)
        self.assertIn("USER and WORKDIR", done.stderr)
        boot, application = self.extract()
        self.assertEqual(boot["init"], (0o100755, 0, 1492533000, b"AWS's init"))
        self.assertEqual(application["cmd"][3], b"--port=1\n")
        self.assertEqual(application["env"][3], b"PATH=/bin\nGREETING=one\n")
        self.assertEqual(application["rootfs/bin/link"][3], b"app")
        parts = self.folder / "parts"
        self.assertEqual((parts / "kernel").read_bytes(), b"kernel of blobs")
        self.assertEqual((parts / "cmdline").read_bytes(), b"console=ttyS0")
        self.assertEqual(self.describe()["Metadata"]["KernelVersion"], "4.14.256")

    # ---- Refusals

    def refused(self, status, expected, *arguments, **how):
        before = sorted(self.out.iterdir())
        done = self.run_build(*arguments, **how)
        self.assertEqual(done.returncode, status, done.stderr)
        self.assertIn(expected, done.stderr)
        self.assertEqual(done.stdout, "")
        self.assertEqual(sorted(self.out.iterdir()), before)

    def test_a_failed_build_leaves_nothing(self):
        self.refused(1, "[unknown_user]", *self.oci("--user", "nobody-knows"))
        self.refused(3, "cannot open", *self.oci("--nsm-module", self.folder / "absent"))
        self.refused(3, "absent", "--oci", self.folder / "absent")
        self.refused(3, "absent", "--rootfs", self.folder / "absent", "--", "/bin/app")
        self.refused(1, "roots.pem", "--oci", self.folder / "oci", "--config",
                     self.broken_config("roots.pem"))
        self.refused(1, "[conflict]", "--oci", self.folder / "oci", "--config",
                     self.broken_config("", more="process.json"))
        config = configuration({"Env": []})
        write_oci(self.folder / "idle", config)
        self.refused(1, "[no_command]", "--oci", self.folder / "idle", "--config",
                     self.folder / "config")

    def broken_config(self, without, more=None):
        folder = pathlib.Path(tempfile.mkdtemp(dir=self.folder))
        for one in (self.folder / "config").iterdir():
            if one.name != without:
                shutil.copy(one, folder)
        if more:
            (folder / more).write_text("{}")
        return folder

    def test_a_damaged_layer_leaves_nothing(self):
        for blob in (self.folder / "oci/blobs/sha256").iterdir():
            data = bytearray(blob.read_bytes())
            data[len(data) // 2] ^= 1
            saved = blob.read_bytes()
            blob.write_bytes(data)
            self.refused(1, "[digest_mismatch]", *self.oci())
            blob.write_bytes(saved)

    def test_a_key_that_cannot_sign_leaves_nothing(self):
        self.write("cert.pem", b"no certificate")
        self.write("key.pem", b"no key")
        self.refused(1, "", *self.oci("--signing-cert", self.folder / "cert.pem",
                                      "--signing-key", self.folder / "key.pem"))

    def test_the_agent_needs_its_configuration_and_the_refusal_says_what_to_do(self):
        agent = pathlib.Path(COFFERDAM).parent / "cofferdam-agent"
        if not agent.exists():
            self.skipTest("cofferdam-agent is not built")
        command = [COFFERDAM, "eif", "build", "--kernel", self.folder / "kernel",
                   "--output", self.out / "image.eif", "--oci", self.folder / "oci"]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        self.assertEqual(done.returncode, 1)
        self.assertIn("[no_config]", done.stderr)
        self.assertIn("hint: give --config DIR", done.stderr)
        done = subprocess.run(command + ["--config", self.folder / "config"],
                              capture_output=True, text=True, check=False)
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertEqual(self.extract()[0]["init"][3], agent.read_bytes())

    def test_wrong_use_is_told_before_anything_is_read(self):
        for expected, arguments in {
            "one of --oci, --rootfs and --ramdisk": (),
            "--oci, --rootfs and --ramdisk": self.oci("--rootfs", self.folder),
            "--reference": ("--rootfs", self.folder, "--reference", "a:1"),
            "its own init": ("--ramdisk", self.folder / "init", "--", "/bin/app"),
            "--compat aws": self.oci("--compat", "aws"),
            "--owner": ("--rootfs", self.folder / "config", "--owner", "root"),
            "NAME=value": self.oci("--env", "GREETING"),
            "--source-date-epoch": self.oci("--source-date-epoch", "-1"),
        }.items():
            self.refused(2, expected, *arguments)


if __name__ == "__main__":
    COFFERDAM = os.path.abspath(sys.argv.pop(1))
    unittest.main()
