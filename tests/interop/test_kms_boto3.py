# SPDX-License-Identifier: Apache-2.0
"""The local KMS and STS as boto3 uses and understands them."""

from __future__ import annotations

import json
import os
import secrets
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import boto3
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError, SSLError

from enclave import Enclave
from local_aws import OAEP, REGION, Cloud, RecipientKey, enclave_policy

CONTEXT = {"app": "interop", "cofferdam:purpose": "test"}
SECRET = b"correct horse battery staple"


@pytest.fixture(scope="session", params=["plain", "tls"])
def kms(cloud: Cloud, request: pytest.FixtureRequest) -> Any:
    """The administrator's client, over both ways in."""
    return cloud.client("kms", tls=request.param == "tls")


@pytest.fixture(scope="session")
def enclave_kms(cloud: Cloud) -> Any:
    """The client of the enclave's role."""
    return cloud.client("kms", credentials=cloud.enclave_credentials, tls=True)


@pytest.fixture(scope="session")
def key_id(cloud: Cloud) -> str:
    return cloud.client("kms").create_key(Description="interop")["KeyMetadata"]["KeyId"]


def error_code(error: pytest.ExceptionInfo[ClientError]) -> str:
    return error.value.response["Error"]["Code"]


# --- Keys and data --------------------------------------------------------------------------


def test_create_and_describe_a_key(kms: Any) -> None:
    created = kms.create_key(Description="a key")["KeyMetadata"]
    described = kms.describe_key(KeyId=created["Arn"])["KeyMetadata"]
    assert described == created
    assert created["Arn"] == f"arn:aws:kms:{REGION}:111122223333:key/{created['KeyId']}"
    assert created["Description"] == "a key"
    assert (created["Enabled"], created["KeyState"]) == (True, "Enabled")
    assert (created["KeyUsage"], created["KeySpec"]) == ("ENCRYPT_DECRYPT", "SYMMETRIC_DEFAULT")
    assert created["CreationDate"].tzinfo is not None


def test_a_policy_reads_back_as_it_was_put(kms: Any, cloud: Cloud) -> None:
    arn = cloud.client("sts").get_caller_identity()["Arn"]
    key = kms.create_key()["KeyMetadata"]["KeyId"]
    allow = {"Effect": "Allow", "Principal": {"AWS": arn}, "Action": "kms:*", "Resource": "*"}
    policy = json.dumps({"Version": "2012-10-17", "Id": "mine", "Statement": [allow]})
    kms.put_key_policy(KeyId=key, PolicyName="default", Policy=policy)
    read = kms.get_key_policy(KeyId=key, PolicyName="default")
    assert json.loads(read["Policy"]) == json.loads(policy)


def test_encrypt_and_decrypt(kms: Any, key_id: str) -> None:
    sealed = kms.encrypt(KeyId=key_id, Plaintext=SECRET, EncryptionContext=CONTEXT)
    opened = kms.decrypt(CiphertextBlob=sealed["CiphertextBlob"], EncryptionContext=CONTEXT)
    assert opened["Plaintext"] == SECRET
    assert opened["KeyId"] == sealed["KeyId"]
    assert opened["EncryptionAlgorithm"] == "SYMMETRIC_DEFAULT"


@pytest.mark.parametrize(
    ("size", "request_size"),
    [(32, {"KeySpec": "AES_256"}), (16, {"KeySpec": "AES_128"}), (77, {"NumberOfBytes": 77})],
)
def test_a_data_key_decrypts_to_itself(
    kms: Any, key_id: str, size: int, request_size: dict[str, Any]
) -> None:
    made = kms.generate_data_key(KeyId=key_id, EncryptionContext=CONTEXT, **request_size)
    opened = kms.decrypt(CiphertextBlob=made["CiphertextBlob"], EncryptionContext=CONTEXT)
    assert len(made["Plaintext"]) == size
    assert opened["Plaintext"] == made["Plaintext"]


def test_the_largest_plaintext_and_context(kms: Any, key_id: str) -> None:
    plaintext, context = secrets.token_bytes(4096), {"k": "v" * 8000}
    sealed = kms.encrypt(KeyId=key_id, Plaintext=plaintext, EncryptionContext=context)
    blob = sealed["CiphertextBlob"]
    assert kms.decrypt(CiphertextBlob=blob, EncryptionContext=context)["Plaintext"] == plaintext


def test_unicode_in_an_encryption_context(kms: Any, key_id: str) -> None:
    context = {"名": "значение \u00e9 \U0001f511", 'quote"': "back\\slash\n"}
    blob = kms.encrypt(KeyId=key_id, Plaintext=SECRET, EncryptionContext=context)["CiphertextBlob"]
    assert kms.decrypt(CiphertextBlob=blob, EncryptionContext=context)["Plaintext"] == SECRET


def test_many_calls_at_once(kms: Any, key_id: str) -> None:
    def round_trip(number: int) -> bool:
        plaintext, context = b"%d" % number, {"number": str(number)}
        sealed = kms.encrypt(KeyId=key_id, Plaintext=plaintext, EncryptionContext=context)
        blob = sealed["CiphertextBlob"]
        opened = kms.decrypt(CiphertextBlob=blob, EncryptionContext=context)
        return bool(opened["Plaintext"] == plaintext)

    with ThreadPoolExecutor(max_workers=16) as pool:
        assert all(pool.map(round_trip, range(200)))


def test_caller_identity(cloud: Cloud) -> None:
    admin = cloud.client("sts").get_caller_identity()
    role = cloud.client("sts", credentials=cloud.enclave_credentials).get_caller_identity()
    assert admin["Account"] == role["Account"] == "111122223333"
    assert admin["Arn"] == "arn:aws:iam::111122223333:user/admin"
    assert role["Arn"] == "arn:aws:sts::111122223333:assumed-role/cofferdam-enclave/i-local"


# --- Errors, as exceptions of boto3 ---------------------------------------------------------


def test_an_unknown_key_is_not_found(kms: Any) -> None:
    with pytest.raises(kms.exceptions.NotFoundException):
        kms.describe_key(KeyId="00000000-0000-4000-8000-000000000000")


def test_another_key_is_incorrect(kms: Any, key_id: str) -> None:
    other = kms.create_key()["KeyMetadata"]["KeyId"]
    blob = kms.encrypt(KeyId=key_id, Plaintext=SECRET)["CiphertextBlob"]
    with pytest.raises(kms.exceptions.IncorrectKeyException):
        kms.decrypt(CiphertextBlob=blob, KeyId=other)


@pytest.mark.parametrize("context", [{}, {**CONTEXT, "more": "x"}, {**CONTEXT, "app": "Interop"}])
def test_another_context_is_invalid(kms: Any, key_id: str, context: dict[str, str]) -> None:
    sealed = kms.encrypt(KeyId=key_id, Plaintext=SECRET, EncryptionContext=CONTEXT)
    with pytest.raises(kms.exceptions.InvalidCiphertextException):
        kms.decrypt(CiphertextBlob=sealed["CiphertextBlob"], EncryptionContext=context)


def test_a_changed_ciphertext_is_invalid(kms: Any, key_id: str) -> None:
    blob = bytearray(kms.encrypt(KeyId=key_id, Plaintext=SECRET)["CiphertextBlob"])
    blob[-1] ^= 1
    with pytest.raises(kms.exceptions.InvalidCiphertextException):
        kms.decrypt(CiphertextBlob=bytes(blob))


def test_a_policy_that_is_no_policy_is_malformed(kms: Any, key_id: str) -> None:
    with pytest.raises(kms.exceptions.MalformedPolicyDocumentException):
        kms.put_key_policy(KeyId=key_id, PolicyName="default", Policy='{"Version": "2012-10-17"}')


def test_a_size_out_of_range_is_a_validation_error(kms: Any, key_id: str) -> None:
    with pytest.raises(ClientError) as error:
        kms.encrypt(KeyId=key_id, Plaintext=bytes(4097))
    assert error_code(error) == "ValidationException"


def test_a_principal_without_permission_is_denied(enclave_kms: Any, key_id: str) -> None:
    with pytest.raises(ClientError) as error:
        enclave_kms.encrypt(KeyId=key_id, Plaintext=SECRET)
    assert error_code(error) == "AccessDeniedException"
    assert "is not authorized to perform: kms:Encrypt" in str(error.value)


@pytest.mark.parametrize(
    ("key", "secret", "code"),
    [
        ("AKIAIOSFODNN7EXAMPLE", "x" * 40, "UnrecognizedClientException"),
        (None, "x" * 40, "InvalidSignatureException"),
    ],
    ids=["unknown-key", "wrong-secret"],
)
def test_wrong_credentials_are_refused(
    cloud: Cloud, key: str | None, secret: str, code: str
) -> None:
    known = json.loads(cloud.admin_credentials.read_text())["AccessKeyId"]
    client = boto3.client(
        "kms",
        region_name=REGION,
        endpoint_url=cloud.ready["endpoint"],
        aws_access_key_id=key or known,
        aws_secret_access_key=secret,
        config=Config(retries={"total_max_attempts": 1}),
    )
    with pytest.raises(ClientError) as error:
        client.list_keys()
    assert error_code(error) == code


def test_tls_is_refused_without_our_ca(cloud: Cloud) -> None:
    client = boto3.client(
        "kms",
        region_name=REGION,
        endpoint_url=cloud.ready["tlsEndpoint"],
        aws_access_key_id="AKIAIOSFODNN7EXAMPLE",
        aws_secret_access_key="x" * 40,
        config=Config(retries={"total_max_attempts": 1}),
    )
    with pytest.raises(SSLError):
        client.list_keys()


# --- Recipient ------------------------------------------------------------------------------


@pytest.fixture(scope="session")
def attested_key(cloud: Cloud, enclave: Enclave) -> str:
    """A key that only this enclave may use."""
    admin = cloud.client("sts").get_caller_identity()["Arn"]
    conditions = {
        "StringEqualsIgnoreCase": {
            "kms:RecipientAttestation:ImageSha384": enclave.pcrs[0].hex(),
            "kms:RecipientAttestation:PCR8": enclave.pcrs[8].hex().upper(),
        },
        "StringEquals": {"kms:EncryptionContext:app": CONTEXT["app"]},
    }
    policy = enclave_policy(admin, conditions)
    return cloud.client("kms").create_key(Policy=policy)["KeyMetadata"]["Arn"]


@pytest.fixture(scope="session")
def sealed(cloud: Cloud, attested_key: str) -> bytes:
    kms = cloud.client("kms")
    answer = kms.encrypt(KeyId=attested_key, Plaintext=SECRET, EncryptionContext=CONTEXT)
    return answer["CiphertextBlob"]


def recipient(document: bytes) -> dict[str, Any]:
    return {"AttestationDocument": document, "KeyEncryptionAlgorithm": OAEP}


def test_decrypt_for_a_recipient(
    enclave_kms: Any, enclave: Enclave, sealed: bytes, attested_key: str, tmp_path: Path
) -> None:
    key = RecipientKey()
    answer = enclave_kms.decrypt(
        CiphertextBlob=sealed,
        EncryptionContext=CONTEXT,
        Recipient=recipient(enclave.attest(public_key=key.spki)),
    )
    assert answer["KeyId"] == attested_key
    assert "Plaintext" not in answer
    assert key.open(answer["CiphertextForRecipient"]) == SECRET
    assert key.open_with_openssl(answer["CiphertextForRecipient"], tmp_path) == SECRET


def test_generate_a_data_key_for_a_recipient(
    enclave_kms: Any, enclave: Enclave, attested_key: str
) -> None:
    first, second = RecipientKey(), RecipientKey()
    made = enclave_kms.generate_data_key(
        KeyId=attested_key,
        KeySpec="AES_256",
        EncryptionContext=CONTEXT,
        Recipient=recipient(enclave.attest(public_key=first.spki)),
    )
    assert "Plaintext" not in made
    opened = enclave_kms.decrypt(
        CiphertextBlob=made["CiphertextBlob"],
        EncryptionContext=CONTEXT,
        Recipient=recipient(enclave.attest(public_key=second.spki)),
    )
    data_key = first.open(made["CiphertextForRecipient"])
    assert len(data_key) == 32
    assert second.open(opened["CiphertextForRecipient"]) == data_key


def denied(kms: Any, code: str = "AccessDeniedException", **request: Any) -> None:
    with pytest.raises(ClientError) as error:
        kms.decrypt(EncryptionContext=CONTEXT, **request)
    assert error_code(error) == code


def test_no_recipient_no_release(enclave_kms: Any, sealed: bytes) -> None:
    denied(enclave_kms, CiphertextBlob=sealed)


def test_other_measurements_no_release(
    enclave_kms: Any, enclave: Enclave, start_enclave: Callable[..., Enclave], sealed: bytes
) -> None:
    for index in (0, 8):
        other = start_enclave({**enclave.pcrs, index: os.urandom(48)})
        document = other.attest(public_key=RecipientKey().spki)
        denied(enclave_kms, CiphertextBlob=sealed, Recipient=recipient(document))


def test_debug_mode_no_release(
    enclave_kms: Any, enclave: Enclave, start_enclave: Callable[..., Enclave], sealed: bytes
) -> None:
    debug = start_enclave(enclave.pcrs, "--debug-mode")
    document = debug.attest(public_key=RecipientKey().spki)
    denied(enclave_kms, CiphertextBlob=sealed, Recipient=recipient(document))


def test_a_document_is_good_once(
    enclave_kms: Any, enclave: Enclave, sealed: bytes, cloud: Cloud
) -> None:
    document = recipient(enclave.attest(public_key=RecipientKey().spki))
    enclave_kms.decrypt(CiphertextBlob=sealed, EncryptionContext=CONTEXT, Recipient=document)
    denied(enclave_kms, CiphertextBlob=sealed, Recipient=document)
    assert cloud.decisions()[-1]["reason"] == "document_reused"


def test_a_changed_document_is_invalid(enclave_kms: Any, enclave: Enclave, sealed: bytes) -> None:
    document = bytearray(enclave.attest(public_key=RecipientKey().spki))
    document[-1] ^= 1
    denied(
        enclave_kms,
        code="ValidationException",
        CiphertextBlob=sealed,
        Recipient=recipient(bytes(document)),
    )


def test_a_document_without_a_key_is_invalid(
    enclave_kms: Any, enclave: Enclave, sealed: bytes
) -> None:
    denied(
        enclave_kms,
        code="ValidationException",
        CiphertextBlob=sealed,
        Recipient=recipient(enclave.attest()),
    )


def test_the_administrator_has_no_way_around_the_policy(
    cloud: Cloud, enclave: Enclave, sealed: bytes
) -> None:
    document = enclave.attest(public_key=RecipientKey().spki)
    denied(cloud.client("kms"), CiphertextBlob=sealed, Recipient=recipient(document))
