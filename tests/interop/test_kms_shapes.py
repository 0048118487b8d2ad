# SPDX-License-Identifier: Apache-2.0
"""Every operation of the local KMS through boto3; each answer as the service model has it."""

from __future__ import annotations

import hashlib
from typing import Any

import pytest
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.asymmetric.utils import Prehashed

from enclave import Enclave
from local_aws import ENCLAVE_ROLE, OAEP, Cloud, RecipientKey, refused
from shapes import ShapeCheck

MESSAGE = b"a message"
CONTEXT = {"app": "interop"}
ADMIN = "arn:aws:iam::111122223333:user/admin"

# What AWS has and a laptop does not: other key stores, other Regions, imported material,
# post-quantum encapsulation.
ELSEWHERE = {
    "ConnectCustomKeyStore", "CreateCustomKeyStore", "Decapsulate", "DeleteCustomKeyStore",
    "DeleteImportedKeyMaterial", "DescribeCustomKeyStores", "DisconnectCustomKeyStore",
    "Encapsulate", "GetKeyLastUsage", "GetParametersForImport", "ImportKeyMaterial",
    "ReplicateKey", "UpdateCustomKeyStore", "UpdatePrimaryRegion",
}


@pytest.fixture(scope="module")
def kms(cloud: Cloud) -> Any:
    return cloud.client("kms", tls=True)


@pytest.fixture(scope="module")
def check(kms: Any) -> ShapeCheck:
    return ShapeCheck(kms)


@pytest.fixture(autouse=True)
def nothing_against_the_answers(check: ShapeCheck) -> Any:
    check.found.clear()
    yield
    assert check.found == []


def create(kms: Any, spec: str, usage: str) -> str:
    return kms.create_key(KeySpec=spec, KeyUsage=usage)["KeyMetadata"]["Arn"]


def public_key(kms: Any, key: str) -> Any:
    return serialization.load_der_public_key(kms.get_public_key(KeyId=key)["PublicKey"])


@pytest.mark.parametrize(
    ("spec", "algorithm", "digest"),
    [
        ("ECC_NIST_P256", "ECDSA_SHA_256", hashes.SHA256()),
        ("ECC_NIST_P384", "ECDSA_SHA_384", hashes.SHA384()),
        ("ECC_NIST_P521", "ECDSA_SHA_512", hashes.SHA512()),
        ("ECC_SECG_P256K1", "ECDSA_SHA_256", hashes.SHA256()),
    ],
)
def test_ecdsa_signatures_verify_in_python(
    kms: Any, spec: str, algorithm: str, digest: hashes.HashAlgorithm
) -> None:
    key = create(kms, spec, "SIGN_VERIFY")
    signing = {"KeyId": key, "Message": MESSAGE, "SigningAlgorithm": algorithm}
    signature = kms.sign(**signing)["Signature"]
    public_key(kms, key).verify(signature, MESSAGE, ec.ECDSA(digest))
    assert kms.verify(**signing, Signature=signature)["SignatureValid"]
    refused("KMSInvalidSignatureException", kms.verify,
            **{**signing, "Message": b"other"}, Signature=signature)


def test_rsa_signatures_verify_in_python(kms: Any) -> None:
    key = create(kms, "RSA_2048", "SIGN_VERIFY")
    reader = public_key(kms, key)
    for size, digest in ((256, hashes.SHA256()), (384, hashes.SHA384()), (512, hashes.SHA512())):
        hashed = hashlib.new(f"sha{size}", MESSAGE).digest()
        pss = padding.PSS(padding.MGF1(digest), salt_length=padding.PSS.DIGEST_LENGTH)
        for name, scheme in (("PSS", pss), ("PKCS1_V1_5", padding.PKCS1v15())):
            signature = kms.sign(
                KeyId=key, Message=hashed, MessageType="DIGEST",
                SigningAlgorithm=f"RSASSA_{name}_SHA_{size}",
            )["Signature"]
            reader.verify(signature, hashed, scheme, Prehashed(digest))


def test_rsa_opens_what_python_sealed(kms: Any) -> None:
    key = create(kms, "RSA_2048", "ENCRYPT_DECRYPT")
    for name, digest in (("SHA_1", hashes.SHA1()), ("SHA_256", hashes.SHA256())):  # noqa: S303
        oaep = padding.OAEP(padding.MGF1(digest), digest, label=None)
        sealed = public_key(kms, key).encrypt(MESSAGE, oaep)
        answer = kms.decrypt(
            KeyId=key, CiphertextBlob=sealed, EncryptionAlgorithm=f"RSAES_OAEP_{name}"
        )
        assert answer["Plaintext"] == MESSAGE
        kms.encrypt(KeyId=key, Plaintext=MESSAGE, EncryptionAlgorithm=f"RSAES_OAEP_{name}")


@pytest.mark.parametrize("size", [224, 256, 384, 512])
def test_macs(kms: Any, size: int) -> None:
    key = create(kms, f"HMAC_{size}", "GENERATE_VERIFY_MAC")
    asked = {"KeyId": key, "Message": MESSAGE, "MacAlgorithm": f"HMAC_SHA_{size}"}
    mac = kms.generate_mac(**asked)["Mac"]
    assert len(mac) * 8 == size
    assert kms.verify_mac(**asked, Mac=mac)["MacValid"]
    refused("KMSInvalidMacException", kms.verify_mac, **asked, Mac=bytes(len(mac)))


def test_shared_secrets_are_those_of_python(kms: Any, enclave: Enclave) -> None:
    key = create(kms, "ECC_NIST_P384", "KEY_AGREEMENT")
    mine = ec.generate_private_key(ec.SECP384R1())
    spki = mine.public_key().public_bytes(
        serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    asked = {"KeyId": key, "KeyAgreementAlgorithm": "ECDH", "PublicKey": spki}
    expected = mine.exchange(ec.ECDH(), public_key(kms, key))
    assert kms.derive_shared_secret(**asked)["SharedSecret"] == expected
    recipient = RecipientKey()
    answer = kms.derive_shared_secret(**asked, Recipient=attested(enclave, recipient))
    assert "SharedSecret" not in answer
    assert recipient.open(answer["CiphertextForRecipient"]) == expected


def attested(enclave: Enclave, recipient: RecipientKey) -> dict[str, Any]:
    document = enclave.attest(public_key=recipient.spki)
    return {"KeyEncryptionAlgorithm": OAEP, "AttestationDocument": document}


def test_data_key_pairs(kms: Any, enclave: Enclave) -> None:
    key = create(kms, "SYMMETRIC_DEFAULT", "ENCRYPT_DECRYPT")
    for spec in ("RSA_2048", "ECC_NIST_P256", "ECC_SECG_P256K1"):
        asked = {"KeyId": key, "KeyPairSpec": spec, "EncryptionContext": CONTEXT}
        pair = kms.generate_data_key_pair(**asked)
        private = serialization.load_der_private_key(pair["PrivateKeyPlaintext"], password=None)
        assert isinstance(private, (rsa.RSAPrivateKey, ec.EllipticCurvePrivateKey))
        assert private.public_key() == serialization.load_der_public_key(pair["PublicKey"])
        kms.generate_data_key_pair_without_plaintext(**asked)
    recipient = RecipientKey()
    pair = kms.generate_data_key_pair(**asked, Recipient=attested(enclave, recipient))
    assert "PrivateKeyPlaintext" not in pair
    serialization.load_der_private_key(
        recipient.open(pair["CiphertextForRecipient"]), password=None
    )


def test_random_bytes(kms: Any, enclave: Enclave) -> None:
    assert len(kms.generate_random(NumberOfBytes=77)["Plaintext"]) == 77
    recipient = RecipientKey()
    answer = kms.generate_random(NumberOfBytes=77, Recipient=attested(enclave, recipient))
    assert "Plaintext" not in answer
    assert len(recipient.open(answer["CiphertextForRecipient"])) == 77


def test_symmetric_keys(kms: Any) -> None:
    one = create(kms, "SYMMETRIC_DEFAULT", "ENCRYPT_DECRYPT")
    two = create(kms, "SYMMETRIC_DEFAULT", "ENCRYPT_DECRYPT")
    blob = kms.encrypt(KeyId=one, Plaintext=MESSAGE, EncryptionContext=CONTEXT)["CiphertextBlob"]
    moved = kms.re_encrypt(
        CiphertextBlob=blob, SourceEncryptionContext=CONTEXT, DestinationKeyId=two
    )
    assert kms.decrypt(CiphertextBlob=moved["CiphertextBlob"])["Plaintext"] == MESSAGE
    kms.generate_data_key(KeyId=one, KeySpec="AES_256")
    kms.generate_data_key_without_plaintext(KeyId=one, NumberOfBytes=20)
    refused("DryRunOperationException", kms.encrypt, KeyId=one, Plaintext=MESSAGE, DryRun=True)
    refused("IncorrectKeyException", kms.decrypt, KeyId=one,
            CiphertextBlob=moved["CiphertextBlob"])
    refused("InvalidCiphertextException", kms.decrypt, CiphertextBlob=blob)


def test_rotation_keeps_old_material(kms: Any) -> None:
    key = create(kms, "SYMMETRIC_DEFAULT", "ENCRYPT_DECRYPT")
    blob = kms.encrypt(KeyId=key, Plaintext=MESSAGE)["CiphertextBlob"]
    kms.rotate_key_on_demand(KeyId=key)
    assert kms.decrypt(CiphertextBlob=blob)["Plaintext"] == MESSAGE
    (rotation,) = kms.list_key_rotations(KeyId=key)["Rotations"]
    assert rotation["RotationType"] == "ON_DEMAND"
    assert len(kms.list_key_rotations(
        KeyId=key, IncludeKeyMaterial="ALL_KEY_MATERIAL")["Rotations"]) == 2
    kms.enable_key_rotation(KeyId=key, RotationPeriodInDays=180)
    assert kms.get_key_rotation_status(KeyId=key)["RotationPeriodInDays"] == 180
    kms.disable_key_rotation(KeyId=key)
    assert not kms.get_key_rotation_status(KeyId=key)["KeyRotationEnabled"]


def test_states(kms: Any) -> None:
    key = create(kms, "SYMMETRIC_DEFAULT", "ENCRYPT_DECRYPT")
    kms.update_key_description(KeyId=key, Description="new")
    kms.disable_key(KeyId=key)
    refused("DisabledException", kms.encrypt, KeyId=key, Plaintext=MESSAGE)
    kms.enable_key(KeyId=key)
    scheduled = kms.schedule_key_deletion(KeyId=key, PendingWindowInDays=7)
    assert scheduled["KeyState"] == "PendingDeletion"
    refused("KMSInvalidStateException", kms.encrypt, KeyId=key, Plaintext=MESSAGE)
    kms.cancel_key_deletion(KeyId=key)
    assert kms.describe_key(KeyId=key)["KeyMetadata"]["KeyState"] == "Disabled"


def test_aliases_tags_and_policies(kms: Any) -> None:
    key = create(kms, "SYMMETRIC_DEFAULT", "ENCRYPT_DECRYPT")
    other = create(kms, "SYMMETRIC_DEFAULT", "ENCRYPT_DECRYPT")
    kms.create_alias(AliasName="alias/shapes", TargetKeyId=key)
    kms.update_alias(AliasName="alias/shapes", TargetKeyId=other)
    assert kms.describe_key(KeyId="alias/shapes")["KeyMetadata"]["Arn"] == other
    pages = kms.get_paginator("list_aliases").paginate(PaginationConfig={"PageSize": 1})
    assert "alias/shapes" in [a["AliasName"] for page in pages for a in page["Aliases"]]
    kms.delete_alias(AliasName="alias/shapes")
    kms.tag_resource(KeyId=key, Tags=[{"TagKey": "a", "TagValue": "b"}])
    assert kms.list_resource_tags(KeyId=key)["Tags"] == [{"TagKey": "a", "TagValue": "b"}]
    kms.untag_resource(KeyId=key, TagKeys=["a"])
    assert kms.list_key_policies(KeyId=key)["PolicyNames"] == ["default"]
    policy = kms.get_key_policy(KeyId=key)["Policy"]
    kms.put_key_policy(KeyId=key, Policy=policy)
    keys = [k["KeyArn"] for page in kms.get_paginator("list_keys").paginate(
        PaginationConfig={"PageSize": 3}) for k in page["Keys"]]
    assert key in keys and len(keys) == len(set(keys))


def test_grants(kms: Any) -> None:
    key = create(kms, "SYMMETRIC_DEFAULT", "ENCRYPT_DECRYPT")
    asked = {
        "KeyId": key, "GranteePrincipal": ENCLAVE_ROLE, "RetiringPrincipal": ADMIN,
        "Operations": ["Decrypt", "GenerateDataKey"], "Name": "one",
        "Constraints": {"EncryptionContextSubset": CONTEXT},
    }
    grant = kms.create_grant(**asked)
    assert kms.create_grant(**asked)["GrantId"] == grant["GrantId"]
    (listed,) = kms.list_grants(KeyId=key)["Grants"]
    assert listed["GrantId"] == grant["GrantId"]
    assert listed["Constraints"] == asked["Constraints"]
    assert kms.list_retirable_grants(RetiringPrincipal=ADMIN)["Grants"]
    kms.retire_grant(GrantToken=grant["GrantToken"])
    second = kms.create_grant(**{**asked, "Name": "two"})["GrantId"]
    kms.revoke_grant(KeyId=key, GrantId=second)
    assert kms.list_grants(KeyId=key)["Grants"] == []


def test_every_operation_was_asked(check: ShapeCheck) -> None:
    """Last in this file: what the model has is either answered above or named above."""
    assert check.never_answered() == ELSEWHERE
