# SPDX-License-Identifier: Apache-2.0
"""The local KMS as AWS's SDK for Rust uses it: another SigV4, another HTTP, another TLS."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from aws_oracle_client import AwsOracle
from local_aws import REGION, Cloud


def environment(cloud: Cloud, credentials: Path, tls: bool) -> dict[str, str]:
    keys = json.loads(credentials.read_text())
    session = {"AWS_SESSION_TOKEN": keys["Token"]} if "Token" in keys else {}
    return {
        "AWS_ENDPOINT_URL": cloud.ready["tlsEndpoint" if tls else "endpoint"],
        "AWS_REGION": REGION,
        "AWS_ACCESS_KEY_ID": keys["AccessKeyId"],
        "AWS_SECRET_ACCESS_KEY": keys["SecretAccessKey"],
        "SSL_CERT_FILE": cloud.ready["ca"],
        **session,
    }


@pytest.mark.parametrize("tls", [False, True], ids=["plain", "tls"])
def test_the_sdk_for_rust_encrypts_and_decrypts(cloud: Cloud, oracle: AwsOracle, tls: bool) -> None:
    key = cloud.client("kms").create_key()["KeyMetadata"]["Arn"]
    settings = environment(cloud, cloud.admin_credentials, tls)
    done = oracle.kms_round_trip(key, settings).expect(0)
    assert done.json() == {"key_id": key, "is_same": True}


def test_the_sdk_for_rust_sees_the_codes_of_errors(cloud: Cloud, oracle: AwsOracle) -> None:
    key = cloud.client("kms").create_key()["KeyMetadata"]["KeyId"]
    admin = environment(cloud, cloud.admin_credentials, tls=True)
    role = environment(cloud, cloud.enclave_credentials, tls=True)
    unknown = "00000000-0000-4000-8000-000000000000"
    assert "NotFoundException" in oracle.kms_round_trip(unknown, admin).expect(1).stderr
    assert "AccessDeniedException" in oracle.kms_round_trip(key, role).expect(1).stderr


def test_the_sdk_for_rust_refuses_a_server_without_our_ca(cloud: Cloud, oracle: AwsOracle) -> None:
    key = cloud.client("kms").create_key()["KeyMetadata"]["KeyId"]
    settings = environment(cloud, cloud.admin_credentials, tls=True)
    stranger = {**settings, "SSL_CERT_FILE": str(cloud.nsm_root)}
    assert "UnknownIssuer" in oracle.kms_round_trip(key, stranger).expect(1).stderr
