# SPDX-License-Identifier: Apache-2.0
"""The decision log: JSON lines that say who got what and why, and never a secret."""

from __future__ import annotations

import base64
import hashlib
import re
import secrets
import stat
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import cbor2
import pytest
from botocore.exceptions import ClientError

from enclave import Enclave
from local_aws import OAEP, Cloud, RecipientKey, enclave_policy

ROOT = Path(__file__).resolve().parents[2]
CONTEXT = {"application": "interop-application", "b": "value-of-b"}


def documented_members() -> dict[str, bool]:
    """From the table in docs/ledger.md, in its order: whether a line always has it."""
    text = (ROOT / "docs/ledger.md").read_text()
    rows = re.findall(r"^\| (`.*?) \| (yes)? ?\| .* \|$", text, re.MULTILINE)
    return {name: bool(always) for names, always in rows for name in re.findall(r"`(\w+)`", names)}


@pytest.fixture(scope="module")
def key_arn(cloud: Cloud) -> str:
    return cloud.client("kms").create_key()["KeyMetadata"]["Arn"]


def line_of(cloud: Cloud, response: dict[str, Any]) -> dict[str, Any]:
    """The only line about this request."""
    request_id = response["ResponseMetadata"]["RequestId"]
    (line,) = [line for line in cloud.decisions() if line["requestId"] == request_id]
    return line


def test_a_release_is_on_record_with_its_evidence(
    cloud: Cloud, enclave: Enclave, key_arn: str
) -> None:
    document = enclave.attest(public_key=RecipientKey().spki)
    response = cloud.client("kms").generate_data_key(
        KeyId=key_arn,
        KeySpec="AES_256",
        EncryptionContext=CONTEXT,
        Recipient={"AttestationDocument": document, "KeyEncryptionAlgorithm": OAEP},
    )
    line = line_of(cloud, response)
    assert (line["component"], line["decision"], line["reason"]) == ("kms", "allow", "ok")
    assert (line["operation"], line["key"]) == ("GenerateDataKey", key_arn)
    assert line["principal"] == "arn:aws:iam::111122223333:user/admin"
    assert line["documentDigest"] == hashlib.sha384(document).hexdigest()
    assert line["moduleId"] == enclave.ready["moduleId"]
    context = cbor2.dumps(CONTEXT, canonical=True)
    assert line["contextDigest"] == hashlib.sha384(context).hexdigest()
    for index, value in enclave.pcrs.items():
        assert line["pcrs"][str(index)] == value.hex()


def test_a_refusal_is_on_record_with_its_reason(cloud: Cloud) -> None:
    admin = cloud.client("sts").get_caller_identity()["Arn"]
    conditions = {"StringEquals": {"kms:RecipientAttestation:PCR0": "ab" * 48}}
    policy = enclave_policy(admin, conditions)
    key = cloud.client("kms").create_key(Policy=policy)["KeyMetadata"]["Arn"]
    kms = cloud.client("kms", credentials=cloud.enclave_credentials)
    with pytest.raises(ClientError) as error:
        kms.generate_data_key(KeyId=key, KeySpec="AES_256")
    line = line_of(cloud, error.value.response)
    assert (line["decision"], line["reason"]) == ("deny", "policy_denied")
    assert line["principal"].startswith("arn:aws:sts::111122223333:assumed-role/cofferdam-enclave/")
    assert "documentDigest" not in line and "pcrs" not in line


def test_every_line_has_the_documented_members(cloud: Cloud, key_arn: str) -> None:
    cloud.client("kms").generate_data_key(KeyId=key_arn, NumberOfBytes=1)
    documented = documented_members()
    required = {name for name, always in documented.items() if always}
    assert required >= {"time", "decision", "reason"}
    lines = cloud.decisions()
    assert lines
    for line in lines:
        assert list(line) == [name for name in documented if name in line], "in this order"
        assert required <= line.keys()
        assert line["decision"] in ("allow", "deny")
        assert (line["decision"] == "allow") == (line["reason"] == "ok")
        when = datetime.fromisoformat(line["time"])
        assert abs(datetime.now(timezone.utc) - when) < timedelta(hours=1)


def spellings(secret: bytes) -> list[bytes]:
    """The ways in which a secret could slip into a text."""
    encoded = base64.b64encode(secret).rstrip(b"=")
    return [secret, encoded, secret.hex().encode(), secret.hex().upper().encode()]


def test_no_secret_is_in_the_log(cloud: Cloud, enclave: Enclave, key_arn: str) -> None:
    kms, key = cloud.client("kms"), RecipientKey()
    plaintext = b"swordfish-" + secrets.token_hex(16).encode()
    sealed = kms.encrypt(KeyId=key_arn, Plaintext=plaintext, EncryptionContext=CONTEXT)
    blob = sealed["CiphertextBlob"]
    kms.decrypt(CiphertextBlob=blob, EncryptionContext=CONTEXT)
    with pytest.raises(ClientError):
        kms.decrypt(CiphertextBlob=blob, EncryptionContext={"application": "another"})
    released = kms.generate_data_key(
        KeyId=key_arn,
        KeySpec="AES_256",
        EncryptionContext=CONTEXT,
        Recipient={
            "AttestationDocument": enclave.attest(public_key=key.spki),
            "KeyEncryptionAlgorithm": OAEP,
        },
    )
    data_key = kms.generate_data_key(KeyId=key_arn, KeySpec="AES_256")["Plaintext"]
    log = cloud.decision_log.read_bytes()
    for secret in (plaintext, data_key, key.open(released["CiphertextForRecipient"]), blob):
        assert not any(spelling in log for spelling in spellings(secret))
    for value in CONTEXT.values():
        assert value.encode() not in log, "contexts are on record by their digest"


def test_only_the_owner_reads_the_log(cloud: Cloud) -> None:
    assert stat.S_IMODE(cloud.decision_log.stat().st_mode) == 0o600
