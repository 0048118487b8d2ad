#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""A workload that does not know that it is in an enclave.

It uses the AWS SDK, the AWS Secrets Manager Agent's interface, a file and the credentials
that containers get, as it would anywhere else. The agent answers all of them with attested
calls; what is not declared in the measured configuration it refuses.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import os
import sys
import urllib.request
from pathlib import Path

sys.path.insert(0, "/app/lib")

import boto3  # noqa: E402
from botocore.exceptions import ClientError  # noqa: E402

CONTEXT = {"app": "example", "cofferdam:purpose": "database"}


def error_of(call, **arguments: object) -> str:
    try:
        call(**arguments)
    except ClientError as error:
        return error.response["Error"]["Code"]
    return "none"


def through_kms(key: str) -> dict[str, object]:
    kms = boto3.client("kms")
    made = kms.generate_data_key(KeyId=key, KeySpec="AES_256", EncryptionContext=CONTEXT)
    opened = kms.decrypt(CiphertextBlob=made["CiphertextBlob"], EncryptionContext=CONTEXT)
    return {
        "roundTrip": opened["Plaintext"] == made["Plaintext"] and len(made["Plaintext"]) == 32,
        "otherContext": error_of(kms.decrypt, CiphertextBlob=made["CiphertextBlob"]),
        "encrypt": error_of(kms.encrypt, KeyId=key, Plaintext=b"x"),
    }


def through_secrets_agent(name: str) -> bytes:
    token = Path("/run/awssmatoken").read_text()
    request = urllib.request.Request(
        f"http://localhost:2773/secretsmanager/get?secretId={name}",
        headers={"X-Aws-Parameters-Secrets-Token": token},
    )
    with urllib.request.urlopen(request, timeout=30) as answer:
        value = json.load(answer)
    return base64.b64decode(value["SecretBinary"])


def main() -> None:
    name, challenge, key = sys.argv[1:4]
    secret = Path("/run/secrets/database-password").read_bytes()
    proof = hmac.new(secret, challenge.encode(), hashlib.sha256).hexdigest()
    found = {
        "language": "Python with boto3",
        "uid": os.getuid(),
        "proof": proof,
        "kms": through_kms(key),
        "secretsAgent": through_secrets_agent(name) == secret,
        "credentials": boto3.Session().get_credentials().get_frozen_credentials().access_key,
    }
    print(json.dumps(found), flush=True)


main()
