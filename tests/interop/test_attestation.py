# SPDX-License-Identifier: Apache-2.0
"""Documents of the emulated module against an independent verifier, and real documents
against both verifiers."""

from __future__ import annotations

import base64
import hashlib
import json
import secrets
from collections.abc import Callable
from datetime import datetime, timedelta, timezone
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import serialization
from cryptography.x509.oid import ExtensionOID

import nitro
from certificates import load_pem
from cose import Refused
from enclave import Enclave
from local_aws import Cloud
from nsm_wire import NsmError
from programs import Finished, run

Command = Callable[..., Finished]
ZERO = bytes(48)


@pytest.fixture(scope="session")
def root(cloud: Cloud) -> x509.Certificate:
    return load_pem(cloud.nsm_root)


# --- What the emulated module issues --------------------------------------------------------


def test_an_issued_document_verifies_independently(
    cofferdam: Command, enclave: Enclave, root: x509.Certificate
) -> None:
    nonce, user_data, key = secrets.token_bytes(32), secrets.token_bytes(48), b"any bytes"
    words = ["--nonce", nonce.hex(), "--user-data", user_data.hex(), "--public-key", key.hex()]
    printed = cofferdam("nsm", "attest", "--device", enclave.device, *words).expect(0).stdout
    document = nitro.verify(base64.b64decode(printed, validate=False), root, nitro.now())
    assert (document.nonce, document.user_data, document.public_key) == (nonce, user_data, key)
    assert document.module_id == enclave.ready["moduleId"]
    assert abs(nitro.now() - document.timestamp) < timedelta(minutes=1)


def test_an_issued_document_carries_the_measured_registers(
    enclave: Enclave, root: x509.Certificate
) -> None:
    document = nitro.verify(enclave.attest(), root, nitro.now())
    assert {index: document.pcrs[index] for index in enclave.pcrs} == enclave.pcrs
    assert sorted(document.pcrs) == list(range(16))
    assert not document.is_debug
    instance_id = document.module_id.split("-enc")[0]
    digest = hashlib.sha384(ZERO + instance_id.encode()).digest()
    assert document.pcrs[4] == digest, "PCR4 is the instance's id"


def test_a_debug_enclave_has_zero_registers_in_a_valid_document(
    start_enclave: Callable[..., Enclave], root: x509.Certificate, cofferdam: Command, cloud: Cloud
) -> None:
    enclave = start_enclave({0: secrets.token_bytes(48)}, "--debug-mode")
    raw = enclave.attest()
    assert nitro.verify(raw, root, nitro.now()).is_debug
    refused = cofferdam("attest", "verify", "-", "--root", cloud.nsm_root, stdin=raw).expect(1)
    assert refused.json()["reason"] == "debug_mode"


def test_the_issued_chain_has_the_shape_of_the_real_one(
    enclave: Enclave, root: x509.Certificate
) -> None:
    document = nitro.verify(enclave.attest(), root, nitro.now())
    instance_id = document.module_id.split("-enc")[0]
    regional, zonal, instance, leaf = (nitro.common_name(c) for c in document.chain[1:])
    assert nitro.common_name(root) == "aws.nitro-enclaves"
    assert regional.endswith(".us-east-1.aws.nitro-enclaves")
    assert ".zonal.us-east-1.aws.nitro-enclaves" in zonal
    assert instance == f"{instance_id}.us-east-1.aws.nitro-enclaves"
    assert leaf == f"{document.module_id}.us-east-1.aws"
    limits = [nitro.extension(c, x509.BasicConstraints).path_length for c in document.chain[:-1]]
    assert limits == [None, 2, 1, 0]


def extensions(certificate: x509.Certificate) -> set[tuple[str, bool]]:
    """Which there are, and whether they are critical. The emulation has no CRLs to point to."""
    found = {(e.oid.dotted_string, e.critical) for e in certificate.extensions}
    return {e for e in found if e[0] != ExtensionOID.CRL_DISTRIBUTION_POINTS.dotted_string}


def test_the_issued_certificates_have_the_extensions_of_a_real_chain(
    enclave: Enclave, root: x509.Certificate, vectors: Path
) -> None:
    sample = vectors / "attestation/tkhq--go-sdk_2025-09-16_prod_b1086cbb.bin"
    at = time_of(json.loads(sample.with_suffix(".json").read_text()))
    aws_root = load_pem(vectors / "aws-nitro-root-g1.pem")
    real = nitro.verify(sample.read_bytes(), aws_root, at)
    issued = nitro.verify(enclave.attest(), root, nitro.now())
    for ours, theirs in zip(issued.chain, real.chain, strict=True):
        assert extensions(ours) == extensions(theirs), theirs.subject.rfc4514_string()
        assert nitro.extension(ours, x509.KeyUsage) == nitro.extension(theirs, x509.KeyUsage)


def test_the_serial_of_the_leaf_repeats_enclave_and_time(
    enclave: Enclave, root: x509.Certificate
) -> None:
    document = nitro.verify(enclave.attest(), root, nitro.now())
    enclave_id = int(document.module_id.split("-enc")[1], 16)
    serial = document.leaf.serial_number
    issued = datetime.fromtimestamp(serial & 0xFFFFFFFF, timezone.utc)
    assert serial >> 64 == enclave_id
    lifetime = document.leaf.not_valid_after_utc - document.leaf.not_valid_before_utc
    assert document.leaf.not_valid_before_utc <= issued <= document.timestamp
    assert lifetime == timedelta(hours=3, seconds=3)


def test_openssl_verifies_the_issued_chain(
    enclave: Enclave, root: x509.Certificate, cloud: Cloud, tmp_path: Path
) -> None:
    document = nitro.verify(enclave.attest(), root, nitro.now())
    pem = [c.public_bytes(serialization.Encoding.PEM) for c in document.chain]
    (tmp_path / "between.pem").write_bytes(b"".join(pem[1:-1]))
    (tmp_path / "leaf.pem").write_bytes(pem[-1])
    # Not -x509_strict: real leaves have no authority key identifier, so ours have none.
    roots = ("-CAfile", cloud.nsm_root, "-untrusted", tmp_path / "between.pem")
    run("openssl", "verify", *roots, tmp_path / "leaf.pem").expect(0)


def test_our_verifier_in_strict_mode_says_the_same(
    cofferdam: Command, enclave: Enclave, root: x509.Certificate, cloud: Cloud
) -> None:
    nonce = secrets.token_bytes(32)
    raw = enclave.attest(nonce=nonce)
    document = nitro.verify(raw, root, nitro.now())
    words = ["--root", cloud.nsm_root, "--nonce", nonce.hex(), "--strict"]
    verdict = cofferdam("attest", "verify", "-", *words, stdin=raw).expect(0).json()
    assert verdict["valid"] is True
    assert verdict["moduleId"] == document.module_id
    assert verdict["pcrs"]["PCR0"] == document.pcrs[0].hex()
    assert verdict["nonce"] == nonce.hex()


def test_an_extended_and_locked_register_enters_the_document(
    start_enclave: Callable[..., Enclave], root: x509.Certificate
) -> None:
    enclave = start_enclave({0: secrets.token_bytes(48)})
    with enclave.module() as module:
        extended = module.extend(16, b"configuration")
        assert extended == hashlib.sha384(ZERO + b"configuration").digest()
        assert 16 not in nitro.verify(module.attest(), root, nitro.now()).pcrs
        module.lock(16)
        assert module.pcr(16) == (True, extended)
        with pytest.raises(NsmError, match="ReadOnlyIndex"):
            module.extend(16, b"more")
        assert nitro.verify(module.attest(), root, nitro.now()).pcrs[16] == extended
        assert module.describe()["digest"] == "SHA384"
        assert module.random() != module.random()


def test_a_changed_byte_is_refused_by_both_verifiers(
    cofferdam: Command, enclave: Enclave, root: x509.Certificate, cloud: Cloud
) -> None:
    raw = enclave.attest(nonce=b"mutate me")
    at = nitro.now()
    for offset in range(0, len(raw), 37):
        changed = bytearray(raw)
        changed[offset] ^= 0x01
        verdicts = both_verdicts(cofferdam, bytes(changed), root, at, "--root", cloud.nsm_root)
        assert verdicts == (False, False), f"offset {offset}"


# --- What both verifiers say about documents that neither made ------------------------------


def both_verdicts(
    cofferdam: Command, raw: bytes, root: x509.Certificate, at: datetime, *options: str | Path
) -> tuple[bool, bool]:
    """(ours, theirs)"""
    when = at.isoformat().replace("+00:00", "Z")
    words = ["--at", when, "--allow-debug", *options]
    ours = cofferdam("attest", "verify", "-", *words, stdin=raw)
    assert ours.exit_code in (0, 1), ours.stderr
    try:
        nitro.verify(raw, root, at)
    except Refused:
        return ours.exit_code == 0, False
    return ours.exit_code == 0, True


def time_of(facts: dict[str, str]) -> datetime:
    return datetime.fromisoformat(facts.get("timestamp", "2025-12-25T13:15:37+00:00"))


def test_both_verifiers_accept_every_real_document(cofferdam: Command, vectors: Path) -> None:
    root = load_pem(vectors / "aws-nitro-root-g1.pem")
    checked = 0
    for path in sorted((vectors / "attestation").glob("*.bin")):
        facts = json.loads(path.with_suffix(".json").read_text())
        if facts["pcr_field"] != "pcrs":
            continue  # A NitroTPM document: another kind, with other registers.
        verdicts = both_verdicts(cofferdam, path.read_bytes(), root, time_of(facts))
        assert verdicts == (True, True), path.name
        checked += 1
    assert checked > 0


def test_both_verifiers_refuse_every_real_document_a_day_later(
    cofferdam: Command, vectors: Path
) -> None:
    root = load_pem(vectors / "aws-nitro-root-g1.pem")
    for path in sorted((vectors / "attestation").glob("*.bin"))[::8]:
        facts = json.loads(path.with_suffix(".json").read_text())
        later = time_of(facts) + timedelta(days=1)
        assert both_verdicts(cofferdam, path.read_bytes(), root, later) == (False, False), path.name


def test_both_verifiers_agree_on_every_bad_document(cofferdam: Command, vectors: Path) -> None:
    root = load_pem(vectors / "aws-nitro-root-g1.pem")
    checked = 0
    for path in sorted((vectors / "attestation-negative").glob("*.bin")):
        facts = json.loads(path.with_suffix(".json").read_text())
        good = path.stem.endswith("-ACCEPTED")
        verdicts = both_verdicts(cofferdam, path.read_bytes(), root, time_of(facts))
        assert verdicts == (good, good), path.name
        checked += 1
    assert checked > 0


def test_the_independent_verifier_accepts_all_that_ours_accepts(
    cofferdam: Command, vectors: Path
) -> None:
    """Documents under a private root, each breaking one rule: no false acceptance."""
    folder = vectors / "attestation-testpki"
    index = json.loads((folder / "INDEX.json").read_text())
    root = load_pem(folder / index["trust_anchor"])
    at = datetime.fromisoformat(index["verify_at"])
    for entry in index["documents"]:
        raw = (folder / f"{entry['name']}.bin").read_bytes()
        ours, theirs = both_verdicts(cofferdam, raw, root, at, "--root", folder / "root.pem")
        assert theirs or not ours, entry["name"]
        if not entry["expected"].startswith("policy"):
            assert ours == entry["expected"].startswith("accept"), entry["name"]
