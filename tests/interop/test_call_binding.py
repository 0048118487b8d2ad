# SPDX-License-Identifier: Apache-2.0
"""The call binding, written from docs/protocol.md with cbor2, is the one the cloud computes."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any

import cbor2
import pytest
from botocore.exceptions import ClientError

from enclave import Enclave
from local_aws import OAEP, Cloud, RecipientKey

HEADER = "X-Cofferdam-Call"
# Keys of several lengths: deterministic CBOR orders them by length first, sorting does not.
CONTEXT = {"zz": "1", "app": "interop", "cofferdam:purpose": "binding", "b": "\u00fc"}
SECRET = b"bound to one call"


@dataclass(frozen=True)
class Binding:
    operation: str
    key_arn: str
    ciphertext: bytes | None
    context: dict[str, str] = field(default_factory=lambda: dict(CONTEXT))
    parameters: dict[str, str] = field(default_factory=dict)
    counter: int = 1

    def encode(self) -> bytes:
        blob = None if self.ciphertext is None else hashlib.sha384(self.ciphertext).digest()
        parts = ["cofferdam/call/v2", self.operation, self.key_arn, self.context, blob]
        return cbor2.dumps([*parts, self.parameters, self.counter], canonical=True)

    def digest(self) -> bytes:
        return hashlib.sha384(self.encode()).digest()


@pytest.fixture(scope="module")
def key_arn(cloud: Cloud) -> str:
    return cloud.client("kms").create_key()["KeyMetadata"]["Arn"]


@pytest.fixture(scope="module")
def sealed(cloud: Cloud, key_arn: str) -> bytes:
    kms = cloud.client("kms")
    answer = kms.encrypt(KeyId=key_arn, Plaintext=SECRET, EncryptionContext=CONTEXT)
    return answer["CiphertextBlob"]


@pytest.fixture
def binding(key_arn: str, sealed: bytes) -> Binding:
    return Binding("Decrypt", key_arn, sealed)


def with_header(cloud: Cloud, stated: bytes, event: str = "before-call") -> Any:
    """A client that sends the statement, before (or, for a test, after) signing."""

    def add(params: Any = None, request: Any = None, **_: Any) -> None:
        headers = params["headers"] if params is not None else request.headers
        headers[HEADER] = base64.b64encode(stated).decode()

    kms = cloud.client("kms")
    kms.meta.events.register(f"{event}.kms", add)
    return kms


def call(kms: Any, enclave: Enclave, user_data: bytes, sealed: bytes) -> bytes:
    key = RecipientKey()
    document = enclave.attest(public_key=key.spki, user_data=user_data)
    answer = kms.decrypt(
        CiphertextBlob=sealed,
        EncryptionContext=CONTEXT,
        Recipient={"AttestationDocument": document, "KeyEncryptionAlgorithm": OAEP},
    )
    return key.open(answer["CiphertextForRecipient"])


def refused(attempt: Callable[[], Any], cloud: Cloud) -> dict[str, Any]:
    with pytest.raises(ClientError) as error:
        attempt()
    assert error.value.response["Error"]["Code"] == "AccessDeniedException"
    decision = cloud.decisions()[-1]
    assert (decision["decision"], decision["reason"]) == ("deny", "binding_mismatch")
    return decision


def test_a_binding_made_in_python_is_accepted(
    cloud: Cloud, enclave: Enclave, binding: Binding, sealed: bytes
) -> None:
    kms = with_header(cloud, binding.encode())
    assert call(kms, enclave, binding.digest(), sealed) == SECRET


def test_a_binding_for_a_data_key_has_no_ciphertext(
    cloud: Cloud, enclave: Enclave, key_arn: str
) -> None:
    binding = Binding(
        "GenerateDataKey", key_arn, None, parameters={"NumberOfBytes": "24"}, counter=2**40
    )
    key = RecipientKey()
    document = enclave.attest(public_key=key.spki, user_data=binding.digest())
    answer = with_header(cloud, binding.encode()).generate_data_key(
        KeyId=key_arn,
        NumberOfBytes=24,
        EncryptionContext=CONTEXT,
        Recipient={"AttestationDocument": document, "KeyEncryptionAlgorithm": OAEP},
    )
    assert len(key.open(answer["CiphertextForRecipient"])) == 24


@pytest.mark.parametrize(
    "change",
    [
        {"operation": "GenerateDataKey"},
        {"key_arn": "arn:aws:kms:us-east-1:111122223333:key/00000000-0000-4000-8000-000000000000"},
        {"ciphertext": b"another ciphertext"},
        {"ciphertext": None},
        {"context": {**CONTEXT, "app": "other"}},
        {"context": {}},
        {"parameters": {"KeySpec": "AES_256"}},
    ],
    ids=lambda change: "-".join(change),
)
def test_a_statement_of_another_call_is_refused(
    cloud: Cloud, enclave: Enclave, binding: Binding, sealed: bytes, change: dict[str, Any]
) -> None:
    other = replace(binding, **change)
    kms = with_header(cloud, other.encode())
    refused(lambda: call(kms, enclave, other.digest(), sealed), cloud)


def test_a_document_made_for_another_counter_is_refused(
    cloud: Cloud, enclave: Enclave, binding: Binding, sealed: bytes
) -> None:
    kms = with_header(cloud, binding.encode())
    user_data = replace(binding, counter=binding.counter + 1).digest()
    refused(lambda: call(kms, enclave, user_data, sealed), cloud)


def test_a_statement_in_another_encoding_is_refused(
    cloud: Cloud, enclave: Enclave, binding: Binding, sealed: bytes
) -> None:
    parts = cbor2.loads(binding.encode())
    parts[3] = dict(sorted(parts[3].items(), reverse=True))
    other = cbor2.dumps(parts)
    assert cbor2.loads(other) == cbor2.loads(binding.encode()) and other != binding.encode()
    kms = with_header(cloud, other)
    refused(lambda: call(kms, enclave, hashlib.sha384(other).digest(), sealed), cloud)


def test_a_statement_outside_the_signature_is_refused(
    cloud: Cloud, enclave: Enclave, binding: Binding, sealed: bytes
) -> None:
    kms = with_header(cloud, binding.encode(), event="before-send")
    refused(lambda: call(kms, enclave, binding.digest(), sealed), cloud)


def test_a_statement_without_a_recipient_is_refused(
    cloud: Cloud, binding: Binding, sealed: bytes
) -> None:
    kms = with_header(cloud, binding.encode())
    request = {"CiphertextBlob": sealed, "EncryptionContext": CONTEXT}
    refused(lambda: kms.decrypt(**request), cloud)
