# SPDX-License-Identifier: Apache-2.0
"""The attested operations through AWS's SDK for JavaScript, opened by pkijs."""

from __future__ import annotations

import base64
import json
import shutil
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec

from enclave import Enclave
from local_aws import REGION, Cloud
from programs import run

FOLDER = Path(__file__).resolve().parents[2] / "build/interop-javascript"
SECRET = b"correct horse battery staple"
CONTEXT = {"app": "javascript"}


def measured_key(cloud: Cloud, enclave: Enclave, **created: str) -> str:
    """A key that releases to the enclave alone; the administrator manages and encrypts."""
    admin = cloud.client("sts").get_caller_identity()["Arn"]
    common = {"Effect": "Allow", "Principal": {"AWS": admin}, "Resource": "*"}
    measured = {"kms:RecipientAttestation:ImageSha384": enclave.pcrs[0].hex()}
    release = ["kms:Decrypt", "kms:GenerateDataKey", "kms:GenerateDataKeyPair",
               "kms:DeriveSharedSecret"]
    policy = {"Version": "2012-10-17", "Statement": [
        {**common, "Action": ["kms:PutKeyPolicy", "kms:Encrypt", "kms:GetPublicKey"]},
        {**common, "Action": release, "Condition": {"StringEqualsIgnoreCase": measured}},
    ]}
    kms = cloud.client("kms")
    return kms.create_key(Policy=json.dumps(policy), **created)["KeyMetadata"]["Arn"]


def run_script(cloud: Cloud, settings: dict[str, Any]) -> dict[str, Any]:
    keys = json.loads(cloud.admin_credentials.read_text())
    settings |= {
        "region": REGION,
        "endpoint": cloud.ready["tlsEndpoint"],
        "credentials": {
            "accessKeyId": keys["AccessKeyId"], "secretAccessKey": keys["SecretAccessKey"],
        },
    }
    done = run(
        "node",
        FOLDER / "attested.mjs",
        stdin=json.dumps(settings).encode(),
        environment={"NODE_EXTRA_CA_CERTS": cloud.ready["ca"]},
    )
    return done.expect(0).json()


@pytest.mark.skipif(shutil.which("npm") is None, reason="no npm: tools/setup interop installs it")
def test_the_five_attested_operations(cloud: Cloud, enclave: Enclave) -> None:
    kms = cloud.client("kms")
    key = measured_key(cloud, enclave)
    agreement = measured_key(cloud, enclave, KeySpec="ECC_NIST_P384", KeyUsage="KEY_AGREEMENT")
    sealed = kms.encrypt(KeyId=key, Plaintext=SECRET, EncryptionContext=CONTEXT)
    mine = ec.generate_private_key(ec.SECP384R1())
    peer = mine.public_key().public_bytes(
        serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    theirs = serialization.load_der_public_key(kms.get_public_key(KeyId=agreement)["PublicKey"])
    assert isinstance(theirs, ec.EllipticCurvePublicKey)

    got = run_script(cloud, {
        "module": str(enclave.socket),
        "context": CONTEXT,
        "key": key,
        "agreementKey": agreement,
        "ciphertext": base64.b64encode(sealed["CiphertextBlob"]).decode(),
        "peer": base64.b64encode(peer).decode(),
    })

    assert base64.b64decode(got["decrypt"]) == SECRET
    assert len(base64.b64decode(got["dataKey"])) == 32
    assert got["dataKeyAgain"] == got["dataKey"]
    assert got["pairMatches"]
    assert len(base64.b64decode(got["random"])) == 33
    assert base64.b64decode(got["sharedSecret"]) == mine.exchange(ec.ECDH(), theirs)
    assert got["withoutDocument"] == "AccessDeniedException"
    # The policy does not look at the context, so the ciphertext does.
    assert got["otherContext"] == "InvalidCiphertextException"
