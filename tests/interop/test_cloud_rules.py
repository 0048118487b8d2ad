# SPDX-License-Identifier: Apache-2.0
"""Rules of AWS that span several calls or callers, as boto3 meets them."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import boto3
import pytest
from botocore.config import Config

from local_aws import ENCLAVE_ROLE, REGION, Cloud, refused
from programs import Service

ACCOUNT = "111122223333"
ADMIN = f"arn:aws:iam::{ACCOUNT}:user/admin"
CONTEXT = {"app": "rules", "stage": "test"}
SECRET = b"correct horse battery staple"


def only_for(*principals: str) -> str:
    """A key policy that leaves nothing to IAM."""
    statement = {"Effect": "Allow", "Principal": {"AWS": list(principals)}, "Action": "kms:*",
                 "Resource": "*"}
    return json.dumps({"Version": "2012-10-17", "Statement": [statement]})


@pytest.fixture(scope="module")
def kms(cloud: Cloud) -> Any:
    return cloud.client("kms")


@pytest.fixture(scope="module")
def grantee(cloud: Cloud) -> Any:
    return cloud.client("kms", credentials=cloud.enclave_credentials)


def test_a_grant_gives_what_it_names_within_its_constraints(kms: Any, grantee: Any) -> None:
    key = kms.create_key(Policy=only_for(ADMIN))["KeyMetadata"]["Arn"]
    blob = kms.encrypt(KeyId=key, Plaintext=SECRET, EncryptionContext=CONTEXT)["CiphertextBlob"]
    other = kms.encrypt(KeyId=key, Plaintext=SECRET, EncryptionContext={"app": "x"})
    use = {"CiphertextBlob": blob, "EncryptionContext": CONTEXT}
    refused("AccessDeniedException", grantee.decrypt, **use)
    grant = kms.create_grant(
        KeyId=key, GranteePrincipal=ENCLAVE_ROLE, RetiringPrincipal=ENCLAVE_ROLE,
        Operations=["Decrypt", "RetireGrant"],
        Constraints={"EncryptionContextSubset": {"app": "rules"}},
    )
    assert grantee.decrypt(**use)["Plaintext"] == SECRET
    refused("AccessDeniedException", grantee.decrypt,
            CiphertextBlob=other["CiphertextBlob"], EncryptionContext={"app": "x"})
    refused("AccessDeniedException", grantee.encrypt, KeyId=key, Plaintext=SECRET,
            EncryptionContext=CONTEXT)
    grantee.retire_grant(KeyId=key, GrantId=grant["GrantId"])
    refused("AccessDeniedException", grantee.decrypt, **use)
    assert kms.list_grants(KeyId=key)["Grants"] == []


def test_every_generation_of_a_key_decrypts(kms: Any) -> None:
    key = kms.create_key()["KeyMetadata"]["KeyId"]
    blobs = []
    for _ in range(4):
        blobs.append(kms.encrypt(KeyId=key, Plaintext=SECRET)["CiphertextBlob"])
        kms.rotate_key_on_demand(KeyId=key)
    for blob in blobs:
        assert kms.decrypt(CiphertextBlob=blob)["Plaintext"] == SECRET
    moved = kms.re_encrypt(CiphertextBlob=blobs[0], DestinationKeyId=key)
    assert moved["SourceKeyMaterialId"] != moved["DestinationKeyMaterialId"]


LISTS = {
    "list_keys": ("Keys", "KeyId"),
    "list_aliases": ("Aliases", "AliasName"),
    "list_resource_tags": ("Tags", "TagKey"),
    "list_grants": ("Grants", "GrantId"),
    "list_key_rotations": ("Rotations", "KeyMaterialId"),
    "list_retirable_grants": ("Grants", "GrantId"),
    "list_key_policies": ("PolicyNames", None),
}


@pytest.mark.parametrize("operation", LISTS)
def test_lists_are_whole_in_pages_of_one(kms: Any, operation: str) -> None:
    key = kms.create_key(Tags=[{"TagKey": f"k{i}", "TagValue": ""} for i in range(3)])[
        "KeyMetadata"]["KeyId"]
    for i in range(3):
        kms.create_alias(AliasName=f"alias/{operation}-{i}", TargetKeyId=key)
        kms.rotate_key_on_demand(KeyId=key)
        kms.create_grant(KeyId=key, GranteePrincipal=ENCLAVE_ROLE, RetiringPrincipal=ADMIN,
                         Operations=["Decrypt"], Name=f"{operation}-{i}")
    of_all = {"list_keys": {}, "list_aliases": {"KeyId": key},
              "list_retirable_grants": {"RetiringPrincipal": ADMIN}}
    member, name = LISTS[operation]
    paginator = kms.get_paginator(operation)
    asked = of_all.get(operation, {"KeyId": key})
    pages = list(paginator.paginate(**asked, PaginationConfig={"PageSize": 1}))
    found = [item if name is None else item[name] for page in pages for item in page[member]]
    assert all(len(page[member]) == 1 for page in pages)
    assert len(found) == len(set(found))
    assert len(found) >= (1 if name is None else 3)
    whole = next(iter(paginator.paginate(**asked)))[member]
    assert [item if name is None else item[name] for item in whole] == found


# --- Throttling -------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def throttling(program: Path, folder: Path) -> Iterator[Cloud]:
    """The first two calls of Decrypt are throttled, and the first of GetCallerIdentity."""
    faults = folder / "faults"
    faults.write_text("kms:Decrypt=throttle,count=2\nsts:GetCallerIdentity=throttle,count=1\n")
    with Service(program, "cloud", "--listen", "127.0.0.1:0", "--data", folder / "throttling",
                 "--fault-file", faults, log=folder / "throttling.log") as service:
        yield Cloud(service.ready)


def retrying(cloud: Cloud, service: str) -> Any:
    keys = json.loads(cloud.admin_credentials.read_text())
    return boto3.client(
        service, region_name=REGION, endpoint_url=cloud.ready["endpoint"],
        aws_access_key_id=keys["AccessKeyId"], aws_secret_access_key=keys["SecretAccessKey"],
        config=Config(retries={"mode": "standard", "total_max_attempts": 3}),
    )


def test_throttled_calls_are_sent_again(throttling: Cloud) -> None:
    kms, sts = retrying(throttling, "kms"), retrying(throttling, "sts")
    key = kms.create_key()["KeyMetadata"]["KeyId"]
    blob = kms.encrypt(KeyId=key, Plaintext=SECRET)["CiphertextBlob"]
    answer = kms.decrypt(CiphertextBlob=blob)
    assert answer["Plaintext"] == SECRET
    assert answer["ResponseMetadata"]["RetryAttempts"] == 2
    assert kms.decrypt(CiphertextBlob=blob)["ResponseMetadata"]["RetryAttempts"] == 0
    assert sts.get_caller_identity()["ResponseMetadata"]["RetryAttempts"] == 1
