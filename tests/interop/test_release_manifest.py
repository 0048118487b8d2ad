# SPDX-License-Identifier: Apache-2.0
"""Release manifests and configuration measurements, read and written in Python."""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Callable
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import cbor2
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec

from aws_oracle_client import Signer
from certificates import CURVES, load_pem, make_signer
from cose import decode_cbor, parse_cose, sign_cose
from programs import Finished

Command = Callable[..., Finished]
DOMAIN = "cofferdam/release/v1"
NOT_AFTER = datetime(2099, 1, 2, 3, 4, 5, tzinfo=timezone.utc)
ZERO = bytes(48)


def milliseconds(when: datetime) -> int:
    return int(when.timestamp()) * 1000


def certificate_der(signer: Signer) -> bytes:
    return load_pem(signer.certificate).public_bytes(serialization.Encoding.DER)


def pcr8(signer: Signer) -> bytes:
    return hashlib.sha384(ZERO + hashlib.sha384(certificate_der(signer)).digest()).digest()


def private_key(signer: Signer) -> ec.EllipticCurvePrivateKey:
    key = serialization.load_pem_private_key(signer.key.read_bytes(), password=None)
    assert isinstance(key, ec.EllipticCurvePrivateKey)
    return key


@pytest.fixture(params=CURVES)
def signer(request: pytest.FixtureRequest, tmp_path: Path) -> Signer:
    return make_signer(tmp_path, request.param)


@pytest.fixture
def pcrs() -> dict[int, bytes]:
    return {index: secrets.token_bytes(48) for index in (0, 1, 2, 16)}


# --- Ours, read in Python -------------------------------------------------------------------


def create(
    cofferdam: Command, signer: Signer, pcrs: dict[int, bytes], output: Path, *pcr16: str | Path
) -> dict[str, Any]:
    """What was printed; `pcr16` is the option that says where PCR16 comes from."""
    words: list[str | Path] = ["--name", "payments", "--release", "7"]
    words += ["--not-after", NOT_AFTER.isoformat(), "--output", output]
    for index in (0, 1, 2):
        words += ["--pcr", f"{index}={pcrs[index].hex()}"]
    words += ["--signing-cert", signer.certificate, "--signing-key", signer.key]
    where = pcr16 or ("--pcr16", pcrs[16].hex())
    return cofferdam("release", "create", *words, *where).expect(0).json()


def test_a_manifest_is_what_it_says_it_is(
    cofferdam: Command, signer: Signer, pcrs: dict[int, bytes], tmp_path: Path
) -> None:
    create(cofferdam, signer, pcrs, tmp_path / "release")
    raw = (tmp_path / "release").read_bytes()
    domain, certificate, message = decode_cbor(raw)
    assert domain == DOMAIN
    assert certificate == certificate_der(signer)
    signed = parse_cose(message)
    signed.verify(private_key(signer).public_key())
    payload = decode_cbor(signed.payload)
    assert payload == {
        "name": "payments",
        "release": 7,
        "pcrs": {**pcrs, 8: pcr8(signer)},
        "not_after": milliseconds(NOT_AFTER),
    }


def test_a_manifest_is_deterministic_cbor(
    cofferdam: Command, signer: Signer, pcrs: dict[int, bytes], tmp_path: Path
) -> None:
    create(cofferdam, signer, pcrs, tmp_path / "release")
    raw = (tmp_path / "release").read_bytes()
    message = decode_cbor(raw)[2]
    payload = parse_cose(message).payload
    for encoded in (raw, message, payload):
        assert cbor2.dumps(decode_cbor(encoded), canonical=True) == encoded


# --- Python's, read by us -------------------------------------------------------------------


def write(
    path: Path, signer: Signer, registers: dict[int, bytes], key: Any = None, **changes: Any
) -> Path:
    payload = {
        "name": "payments",
        "release": 7,
        "pcrs": {**registers, 8: pcr8(signer)},
        "not_after": milliseconds(NOT_AFTER),
        **changes,
    }
    message = sign_cose(cbor2.dumps(payload, canonical=True), key or private_key(signer))
    path.write_bytes(cbor2.dumps([DOMAIN, certificate_der(signer), message], canonical=True))
    return path


def verify(cofferdam: Command, path: Path, signer: Signer, *options: str) -> Finished:
    return cofferdam("release", "verify", path, "--pcr8", pcr8(signer).hex(), *options)


def assert_refused(done: Finished, reason: str) -> None:
    verdict = done.expect(1).json()
    assert (verdict["valid"], verdict["reason"]) == (False, reason)


def test_a_manifest_made_in_python_verifies(
    cofferdam: Command, signer: Signer, pcrs: dict[int, bytes], tmp_path: Path
) -> None:
    path = write(tmp_path / "release", signer, pcrs)
    words = ["--name", "payments", "--minimum-release", "7", "--pcr", f"0={pcrs[0].hex()}"]
    verdict = verify(cofferdam, path, signer, *words).expect(0).json()
    assert verdict["valid"] is True
    assert (verdict["name"], verdict["release"]) == ("payments", 7)
    assert verdict["pcrs"]["PCR16"] == pcrs[16].hex()


def test_a_manifest_signed_with_another_key_is_refused(
    cofferdam: Command, signer: Signer, pcrs: dict[int, bytes], tmp_path: Path
) -> None:
    other = ec.generate_private_key(private_key(signer).curve)
    path = write(tmp_path / "release", signer, pcrs, key=other)
    assert_refused(verify(cofferdam, path, signer), "bad_signature")


def test_a_manifest_of_another_signer_is_refused(
    cofferdam: Command, signer: Signer, pcrs: dict[int, bytes], tmp_path: Path
) -> None:
    (tmp_path / "other").mkdir()
    other = make_signer(tmp_path / "other", "P-384")
    path = write(tmp_path / "release", other, pcrs)
    assert_refused(verify(cofferdam, path, signer), "manifest_untrusted")


def test_a_manifest_that_does_not_fit_is_refused(
    cofferdam: Command, signer: Signer, pcrs: dict[int, bytes], tmp_path: Path
) -> None:
    path = write(tmp_path / "release", signer, pcrs)
    later = (NOT_AFTER + timedelta(seconds=1)).isoformat()
    assert_refused(verify(cofferdam, path, signer, "--minimum-release", "8"), "release_too_old")
    assert_refused(verify(cofferdam, path, signer, "--name", "other"), "name_mismatch")
    assert_refused(verify(cofferdam, path, signer, "--pcr", f"0={ZERO.hex()}"), "pcr_mismatch")
    assert_refused(verify(cofferdam, path, signer, "--at", later), "manifest_expired")


@pytest.mark.parametrize(
    "changes",
    [{"more": 1}, {"release": -1}, {"release": "7"}, {"pcrs": {0: ZERO}}, {"name": "a\nb"}],
    ids=["unknown-member", "negative", "text-for-number", "few-registers", "control-character"],
)
def test_a_signed_manifest_of_another_form_is_refused(
    cofferdam: Command,
    pcrs: dict[int, bytes],
    tmp_path: Path,
    changes: dict[str, Any],
) -> None:
    signer = make_signer(tmp_path, "P-384")
    path = write(tmp_path / "release", signer, pcrs, **changes)
    assert_refused(verify(cofferdam, path, signer), "manifest_malformed")


# --- The measured configuration -------------------------------------------------------------


def write_tree(root: Path, files: dict[str, bytes]) -> None:
    for path, content in files.items():
        file = root / path.lstrip("/")
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(content)


def agent_toml(signer: Signer) -> bytes:
    return f"""
[enclave]
name = "payments"
minimum_release = 1
pcr8 = "{pcr8(signer).hex()}"
[nsm]
device = "device:/dev/nsm"
trust_root = "/etc/cofferdam/nsm-root.pem"
[parent]
control = "vsock:3:9001"
egress = "vsock:3:9002"
[aws]
region = "us-east-1"
ca_roots = "/etc/cofferdam/a-longer-name-sorts-later.pem"
[workload]
socket = "/run/workload/agent.sock"
command = ["/app/workload"]
[[secret]]
name = "database-password"
operation = "Decrypt"
key = "arn:aws:kms:us-east-1:111122223333:key/00000000-0000-4000-8000-000000000000"
context = {{ app = "payments" }}
""".encode()


def test_pcr16_is_the_measure_of_the_configuration(
    cofferdam: Command, tmp_path: Path, pcrs: dict[int, bytes]
) -> None:
    signer = make_signer(tmp_path, "P-384")
    certificate = signer.certificate.read_bytes()
    files = {
        "/etc/cofferdam/agent.toml": agent_toml(signer),
        "/etc/cofferdam/nsm-root.pem": certificate,
        "/etc/cofferdam/a-longer-name-sorts-later.pem": certificate + b"\n",
    }
    write_tree(tmp_path / "root", files)
    write_tree(tmp_path / "root", {"/etc/hostname": b"not measured"})
    config = ("--config", tmp_path / "root")
    shown = create(cofferdam, signer, pcrs, tmp_path / "release", *config)
    digest = hashlib.sha384(cbor2.dumps(["cofferdam/config/v1", files], canonical=True)).digest()
    assert shown["pcrs"]["PCR16"] == hashlib.sha384(ZERO + digest).hexdigest()
