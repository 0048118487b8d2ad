#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Attested channels between whole programs: images that are built here, `cofferdam run` with
the process backend, a cofferdam-parent for each, `cofferdam connect` from outside, and a second
enclave as a client of the first.

    channel_run_test.py PATH/TO/cofferdam PATH/TO/channel_workload

cofferdam-parent and cofferdam-agent lie beside cofferdam, as they ship.
"""

from __future__ import annotations

import contextlib
import dataclasses
import json
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator

SKIP = 77
TIME = 60
PEER = "vault.internal:8443"
AGENT_TOML = """\
[enclave]
name = "{name}"
minimum_release = 1
pcr8 = "{pcr8}"

[nsm]
device = "unix:/run/cofferdam/nsm.sock"
trust_root = "/etc/cofferdam/nsm-root.pem"

[parent]
control = "unix:/run/cofferdam/parent-control.sock"
egress = "unix:/run/cofferdam/parent-egress.sock"
heartbeat = "unix:/run/cofferdam/heartbeat.sock"

[aws]
region = "us-east-1"
ca_roots = "/etc/cofferdam/aws-ca.pem"

[workload]
socket = "/run/workload/agent.sock"
"""
VAULT_TOML = """
[channel]
listen = "unix:/run/cofferdam/channel.sock"
forward = "tcp:127.0.0.1:8080"

[[channel.client]]
name = "billing"
certificate = "/etc/cofferdam/billing.pem"

[[channel.client]]
name = "signer"
enclave = {{ name = "signer", minimum_release = 1, pcr8 = "{signer}" }}
"""
PEER_TOML = """
[[peer]]
name = "vault"
address = "{address}"
listen = "unix:/run/vault.sock"
enclave = {{ name = "vault", minimum_release = 1, pcr8 = "{vault}" }}
"""


def run(*words: object) -> subprocess.CompletedProcess[str]:
    return subprocess.run([str(word) for word in words], capture_output=True, text=True,
                          timeout=TIME, check=False)


def output(*words: object) -> str:
    done = run(*words)
    assert done.returncode == 0, (words, done.stderr)
    return done.stdout


def wait_for(file: pathlib.Path, pattern: str) -> str:
    """What the pattern's group matches in the file, once it does."""
    end = time.monotonic() + TIME
    while time.monotonic() < end:
        text = file.read_text()
        if found := re.search(pattern, text, re.MULTILINE):
            return found[1]
        time.sleep(0.05)
    raise AssertionError(f"nothing like {pattern} came: {file.read_text()}")


@contextlib.contextmanager
def background(log: pathlib.Path, *words: object) -> Iterator[subprocess.Popen[bytes]]:
    with log.open("wb") as to, subprocess.Popen(
        [str(word) for word in words], stdout=to, stderr=subprocess.STDOUT
    ) as process:
        try:
            yield process
        finally:
            process.terminate()


@dataclasses.dataclass
class Owner:
    """Who signs an image and its release."""

    certificate: pathlib.Path
    key: pathlib.Path
    pcr8: str

    @property
    def words(self) -> list[object]:
        return ["--signing-cert", self.certificate, "--signing-key", self.key]


@dataclasses.dataclass
class Release:
    image: pathlib.Path
    manifest: pathlib.Path
    pcr0: str


class Lab:
    def __init__(self, cofferdam: pathlib.Path, workload: pathlib.Path, folder: pathlib.Path):
        self.cofferdam, self.workload, self.folder = cofferdam, workload, folder
        self.nsm = folder / "nsm"
        log = folder / "nsm.log"
        listen = f"unix:{folder}/nsm.sock"
        with background(log, cofferdam, "nsm", "serve", "--listen", listen, "--data", self.nsm,
                        "--pcr", "0=" + "11" * 48):  # fmt: skip
            wait_for(log, r"^(\{.*)")  # It has made the root, which is all we want of it.
        self.root = self.nsm / "root.pem"

    def certificate(self, name: str) -> tuple[pathlib.Path, pathlib.Path]:
        certificate, key = self.folder / f"{name}.pem", self.folder / f"{name}.key"
        words = "req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-384 -nodes -days 365"
        output("openssl", *words.split(), "-subj", f"/CN={name}", "-keyout", key, "-out",
               certificate)  # fmt: skip
        return certificate, key

    def owner(self, name: str) -> Owner:
        certificate, key = self.certificate(name)
        found = json.loads(output(self.cofferdam, "eif", "pcr", "--signing-cert", certificate))
        return Owner(certificate, key, found["PCR8"])

    def release(self, name: str, owner: Owner, sections: str, *command: str,
                files: tuple[pathlib.Path, ...] = ()) -> Release:  # fmt: skip
        folder = pathlib.Path(tempfile.mkdtemp(prefix=f"{name}-", dir=self.folder))
        (folder / "root").mkdir()
        shutil.copy(self.workload, folder / "root/workload")
        config = folder / "config"
        config.mkdir()
        (config / "agent.toml").write_text(
            AGENT_TOML.format(name=name, pcr8=owner.pcr8) + sections)  # fmt: skip
        shutil.copy(self.root, config / "nsm-root.pem")
        shutil.copy(owner.certificate, config / "aws-ca.pem")  # AWS is never asked.
        for file in files:
            shutil.copy(file, config)
        (folder / "kernel").write_text("stands in for one")
        made = Release(folder / "image.eif", folder / "release", "")
        built = json.loads(output(
            self.cofferdam, "eif", "build", "--rootfs", folder / "root", "--owner", "0:0",
            "--config", config, "--kernel", folder / "kernel", "--cmdline", "panic=30",
            "--user", "1000", *owner.words, "--output", made.image, "--", "/workload",
            *command))  # fmt: skip
        made.pcr0 = built["Measurements"]["PCR0"]
        output(self.cofferdam, "release", "create", "--image", made.image, "--name", name,
               "--release", 1, "--not-after", "2036-01-01T00:00:00Z", *owner.words, "--output",
               made.manifest)  # fmt: skip
        return made

    @contextlib.contextmanager
    def parent(self, made: Release, *more: object) -> Iterator[tuple[pathlib.Path, pathlib.Path]]:
        """Its sockets and its log; beside them lies the ledger."""
        sockets = pathlib.Path(tempfile.mkdtemp(prefix="v", dir=self.folder))
        log = sockets.with_suffix(".log")
        with background(log, self.cofferdam.with_name("cofferdam-parent"),
                        "--control", f"unix:{sockets}/parent-control.sock",
                        "--egress", f"unix:{sockets}/parent-egress.sock",
                        "--release-manifest", made.manifest, "--credentials", "none",
                        "--ledger", sockets.with_suffix(".jsonl"), "--drain", 0, *more):  # fmt: skip
            wait_for(log, '("ready":true)')
            yield sockets, log

    def enclave(self, made: Release, sockets: pathlib.Path) -> list[object]:
        return [self.cofferdam, "run", made.image, "--name", made.image.parent.name, "--backend",
                "process", "--vsock-dir", sockets, "--nsm-data", self.nsm]  # fmt: skip

    @contextlib.contextmanager
    def vault(self, made: Release) -> Iterator[tuple[str, pathlib.Path]]:
        """The enclave that is asked. Yields where its parent lets clients in, and its ledger."""
        log = self.folder / "vault.log"
        with contextlib.ExitStack() as stack:
            door = f"tcp:127.0.0.1:0=unix:{self.folder}/door"
            sockets, said = stack.enter_context(self.parent(made, "--ingress", door))
            (self.folder / "door").symlink_to(sockets / "channel.sock")
            stack.enter_context(background(log, *self.enclave(made, sockets)))
            wait_for(log, "^enclave: .*(serving)")
            address = wait_for(said, r"ingress: tcp:(127\.0\.0\.1:\d+) leads")
            yield address, sockets.with_suffix(".jsonl")

    def connect(self, address: str, pcr0: str, *more: object) -> tuple[int, dict]:
        done = run(self.cofferdam, "connect", address, "--pcr", f"0={pcr0}", "--root", self.root,
                   "--json", *more)  # fmt: skip
        assert done.stdout, done.stderr
        return done.returncode, json.loads(done.stdout)

    def ask_as_a_peer(self, made: Release, address: str) -> str:
        """What the workload of another enclave prints of the answer."""
        with self.parent(made, "--allow", f"{PEER}={address},any") as (sockets, _):
            done = run(*self.enclave(made, sockets))
        found = re.search("peer answered (.*)", done.stderr)
        assert done.returncode == 0 and found, done.stderr
        return found[1]


def clients_outside(lab: Lab, address: str, pcr0: str, shown: list[object]) -> str:
    """From outside; returns the id of the request that was admitted."""
    ask = ["--request", "GET", "/balance"]
    status, said = lab.connect(address, pcr0, *shown, *ask)
    assert status == 0 and said["verified"] and said["challenged"], said
    answer = said["response"]
    assert answer["body"] == f"GET /balance for billing id {answer['requestId']}", answer

    status, said = lab.connect(address, pcr0, *shown, *ask, "--id", answer["requestId"])
    assert status == 1 and "replayed" in said["response"]["body"], said
    assert said["response"]["status"] == 409, said

    status, said = lab.connect(address, pcr0, *ask)
    assert status == 1 and "not_authenticated" in said["response"]["body"], said

    status, said = lab.connect(address, "00" * 48, *shown, *ask)
    assert status == 1 and not said["verified"] and said["reason"] == "pcr_mismatch", said
    return answer["requestId"]


def check_ledger(lab: Lab, ledger: pathlib.Path, pcr0: str, admitted: str) -> None:
    output(lab.cofferdam, "audit", "verify", ledger, "--root", lab.root, "--pcr", f"0={pcr0}")
    lines = output(lab.cofferdam, "audit", "show", ledger, "--json").splitlines()
    everything = [json.loads(line) for line in lines]
    records = [one for one in everything if one.get("operation") in ("request", "attest_peer")]
    seen = [(one["requestId"] == admitted, one.get("principal"), one["reason"])
            for one in records]  # fmt: skip
    assert (True, "billing", "ok") in seen and (True, "billing", "replayed") in seen, seen
    assert any(reason == "not_authenticated" for _, _, reason in seen), seen
    assert (False, "signer", "ok") in seen, seen
    peers = [one["reason"] for one in records if one["operation"] == "attest_peer"]
    assert peers == ["ok", "pcr_mismatch"], peers
    assert all("pcrs" not in one for one in records), "the genesis has them"


def story(lab: Lab) -> None:
    billing, billing_key = lab.certificate("billing")
    owner, of_signer, stranger = lab.owner("vault"), lab.owner("signer"), lab.owner("stranger")
    vault = lab.release("vault", owner, VAULT_TOML.format(signer=of_signer.pcr8), "serve", "8080",
                        files=(billing,))  # fmt: skip
    peer = PEER_TOML.format(address=PEER, vault=owner.pcr8)
    misled = PEER_TOML.format(address=PEER, vault=stranger.pcr8)
    ask = ("ask", "/run/vault.sock")
    with lab.vault(vault) as (address, ledger):
        admitted = clients_outside(lab, address, vault.pcr0, [
            "--client", "billing", "--client-cert", billing, "--client-key", billing_key])  # fmt: skip

        answer = lab.ask_as_a_peer(lab.release("signer", of_signer, peer, *ask), address)
        assert "200" in answer and "GET /from-the-peer for signer id " in answer, answer
        # The same name and program, signed by somebody else: the vault refuses it.
        answer = lab.ask_as_a_peer(lab.release("signer", stranger, peer, *ask), address)
        assert "502" in answer and "403 (pcr_mismatch) to our own evidence" in answer, answer
        # And an enclave that expects another vault does not ask this one.
        answer = lab.ask_as_a_peer(lab.release("signer", of_signer, misled, *ask), address)
        assert "502" in answer and "pcr_mismatch" in answer, answer
    check_ledger(lab, ledger, vault.pcr0, admitted)


def main() -> int:
    cofferdam, workload = (pathlib.Path(word).absolute() for word in sys.argv[1:])
    shipped = all(cofferdam.with_name(f"cofferdam{one}").exists() for one in ("", "-parent"))
    if not shipped or shutil.which("openssl") is None:
        print("skipped: make release builds the programs, and openssl makes the keys")
        return SKIP
    with tempfile.TemporaryDirectory(prefix="cofferdam-") as folder:
        story(Lab(cofferdam, workload, pathlib.Path(folder)))
    return 0


if __name__ == "__main__":
    sys.exit(main())
