# SPDX-License-Identifier: Apache-2.0
"""The local AWS as boto3 sees it, and the recipient of what its KMS releases."""

from __future__ import annotations

import hashlib
import json
import subprocess
from pathlib import Path
from typing import Any

import boto3
import pytest
from asn1crypto import cms
from botocore.config import Config
from botocore.exceptions import ClientError
from cryptography.hazmat.primitives import hashes, padding, serialization
from cryptography.hazmat.primitives.asymmetric import padding as rsa_padding
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

REGION = "us-east-1"
ENCLAVE_ROLE = "arn:aws:iam::111122223333:role/cofferdam-enclave"
OAEP = "RSAES_OAEP_SHA_256"


def refused(code: str, call: Any, **parameters: Any) -> str:
    """Makes a call that must fail with this error; its message."""
    with pytest.raises(ClientError) as error:
        call(**parameters)
    assert error.value.response["Error"]["Code"] == code
    return error.value.response["Error"]["Message"]


class Cloud:
    """A running `cofferdam cloud`, from its ready line."""

    def __init__(self, ready: dict[str, Any]) -> None:
        self.ready = ready
        self.nsm_data = Path(ready["nsmData"])
        self.nsm_root = Path(ready["nsmRoot"])
        self.decision_log = Path(ready["decisions"])
        self.admin_credentials = Path(ready["credentials"])
        self.enclave_credentials = Path(ready["enclaveCredentials"])

    def client(
        self,
        service: str,
        credentials: Path | None = None,
        tls: bool = False,
        endpoint: str | None = None,
        proxy: str | None = None,
        **settings: Any,
    ) -> Any:
        """A new client of boto3: the administrator's unless told otherwise. `settings` are
        those of botocore's Config."""
        keys = json.loads((credentials or self.admin_credentials).read_text())
        return boto3.client(
            service,
            region_name=REGION,
            endpoint_url=endpoint or self.ready["tlsEndpoint" if tls else "endpoint"],
            verify=self.ready["ca"] if tls else None,
            aws_access_key_id=keys["AccessKeyId"],
            aws_secret_access_key=keys["SecretAccessKey"],
            aws_session_token=keys.get("Token"),
            config=Config(
                retries={"total_max_attempts": 1},
                connect_timeout=5,
                read_timeout=20,
                proxies={"https": proxy} if proxy else {},
                **settings,
            ),
        )

    def decisions(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self.decision_log.read_text().splitlines()]


def enclave_policy(admin: str, conditions: dict[str, Any]) -> str:
    """The administrator manages and encrypts; the enclave's role decrypts, if it measures so."""
    manage = ["kms:*KeyPolicy", "kms:Describe*", "kms:Encrypt"]
    release = ["kms:Decrypt", "kms:GenerateDataKey"]

    def allow(principal: str, actions: list[str]) -> dict[str, Any]:
        who = {"AWS": principal}
        return {"Effect": "Allow", "Principal": who, "Action": actions, "Resource": "*"}

    statements = [allow(admin, manage), {**allow(ENCLAVE_ROLE, release), "Condition": conditions}]
    return json.dumps({"Version": "2012-10-17", "Statement": statements})


class RecipientKey:
    """The RSA key whose public half goes into a document; opens CiphertextForRecipient."""

    def __init__(self) -> None:
        self._key = rsa.generate_private_key(public_exponent=65537, key_size=2048)

    @property
    def spki(self) -> bytes:
        return self._key.public_key().public_bytes(
            serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
        )

    def open(self, sealed: bytes) -> bytes:
        """Reads the CMS with asn1crypto, checks each field KMS sets, decrypts in Python."""
        content = cms.ContentInfo.load(sealed, strict=True)
        assert content["content_type"].native == "enveloped_data"
        (info,) = content["content"]["recipient_infos"]
        recipient = info.chosen
        assert recipient["rid"].name == "subject_key_identifier"
        assert recipient["rid"].native == hashlib.sha256(self.spki).digest()
        algorithm = recipient["key_encryption_algorithm"]
        assert algorithm["algorithm"].native == "rsaes_oaep"
        assert algorithm["parameters"]["hash_algorithm"]["algorithm"].native == "sha256"
        oaep = rsa_padding.OAEP(rsa_padding.MGF1(hashes.SHA256()), hashes.SHA256(), label=None)
        content_key = self._key.decrypt(recipient["encrypted_key"].native, oaep)
        return self._open_content(content["content"]["encrypted_content_info"], content_key)

    @staticmethod
    def _open_content(info: cms.EncryptedContentInfo, key: bytes) -> bytes:
        algorithm = info["content_encryption_algorithm"]
        assert algorithm["algorithm"].native == "aes256_cbc"
        cipher = Cipher(algorithms.AES256(key), modes.CBC(algorithm["parameters"].native))
        decryptor, unpadder = cipher.decryptor(), padding.PKCS7(128).unpadder()
        padded = decryptor.update(info["encrypted_content"].native) + decryptor.finalize()
        return unpadder.update(padded) + unpadder.finalize()

    def open_with_openssl(self, sealed: bytes, folder: Path) -> bytes:
        """The same with the command `openssl cms`."""
        pem = folder / "recipient.pem"
        pem.write_bytes(
            self._key.private_bytes(
                serialization.Encoding.PEM,
                serialization.PrivateFormat.PKCS8,
                serialization.NoEncryption(),
            )
        )
        command = ["openssl", "cms", "-decrypt", "-inform", "DER", "-inkey", str(pem)]
        return subprocess.run(command, input=sealed, capture_output=True, check=True).stdout
