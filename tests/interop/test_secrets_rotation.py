# SPDX-License-Identifier: Apache-2.0
"""Secrets Manager beside its neighbours: a rotation by AWS's published steps, keys of the
local KMS that stop working, and policies that are refused."""

from __future__ import annotations

import json
import uuid
from typing import Any

import pytest

from local_aws import ENCLAVE_ROLE, Cloud, refused
from shapes import ShapeCheck

LAMBDA = "arn:aws:lambda:us-east-1:111122223333:function:rotate"


@pytest.fixture(scope="module")
def secrets(cloud: Cloud) -> Any:
    return cloud.client("secretsmanager", tls=True)


@pytest.fixture(scope="module")
def check(secrets: Any) -> ShapeCheck:
    return ShapeCheck(secrets)


@pytest.fixture(autouse=True)
def nothing_against_the_answers(check: ShapeCheck) -> Any:
    check.found.clear()
    yield
    assert check.found == []


def create(secrets: Any, value: str = "hunter2", **more: Any) -> str:
    name = "shapes/" + uuid.uuid4().hex
    return secrets.create_secret(Name=name, SecretString=value, **more)["ARN"]


def test_values(secrets: Any) -> None:
    secret = create(secrets, "one \u00e9 \"quoted\" \\ \n", Description="mine",
                    Tags=[{"Key": "a", "Value": "b"}])
    assert secrets.get_secret_value(SecretId=secret)["SecretString"] == \
        "one \u00e9 \"quoted\" \\ \n"
    put = secrets.put_secret_value(SecretId=secret, SecretBinary=bytes(range(256)))
    assert put["VersionStages"] == ["AWSCURRENT"]
    assert secrets.get_secret_value(SecretId=secret)["SecretBinary"] == bytes(range(256))
    secrets.update_secret(SecretId=secret, Description="yours", SecretString="three")
    described = secrets.describe_secret(SecretId=secret)
    assert described["Description"] == "yours"
    assert len(described["VersionIdsToStages"]) == 2
    versions = secrets.list_secret_version_ids(SecretId=secret, IncludeDeprecated=True)
    assert len(versions["Versions"]) == 3
    refused("ResourceNotFoundException", secrets.get_secret_value, SecretId="nothing")
    refused("ResourceExistsException", secrets.create_secret, Name=described["Name"],
            SecretString="x")
    refused("InvalidRequestException", secrets.put_secret_value, SecretId=secret)


def test_a_key_of_ones_own(secrets: Any, cloud: Cloud) -> None:
    kms = cloud.client("kms")
    key = kms.create_key()["KeyMetadata"]["Arn"]
    secret = create(secrets, KmsKeyId=key)
    assert secrets.describe_secret(SecretId=secret)["KmsKeyId"] == key
    kms.disable_key(KeyId=key)
    refused("DecryptionFailure", secrets.get_secret_value, SecretId=secret)
    refused("EncryptionFailure", secrets.put_secret_value, SecretId=secret, SecretString="x")


def rotate_as_lambda(secrets: Any, secret: str, token: str, value: str) -> None:
    """The steps of AWS's rotation template, written anew."""
    described = secrets.describe_secret(SecretId=secret)
    assert described["RotationEnabled"]
    assert described["VersionIdsToStages"][token] == ["AWSPENDING"]
    refused("ResourceNotFoundException", secrets.get_secret_value, SecretId=secret,
            VersionId=token, VersionStage="AWSPENDING")
    secrets.put_secret_value(SecretId=secret, ClientRequestToken=token, SecretString=value,
                             VersionStages=["AWSPENDING"])
    pending = secrets.get_secret_value(SecretId=secret, VersionStage="AWSPENDING")
    assert pending["SecretString"] == value
    current = next(version for version, stages in described["VersionIdsToStages"].items()
                   if "AWSCURRENT" in stages)
    secrets.update_secret_version_stage(SecretId=secret, VersionStage="AWSCURRENT",
                                        MoveToVersionId=token, RemoveFromVersionId=current)


def test_rotation(secrets: Any) -> None:
    secret = create(secrets, "old")
    rules = {"ScheduleExpression": "cron(0 8 1 * ? *)", "Duration": "2h"}
    token = secrets.rotate_secret(SecretId=secret, RotationLambdaARN=LAMBDA,
                                  RotationRules=rules)["VersionId"]
    rotate_as_lambda(secrets, secret, token, "new")
    assert secrets.get_secret_value(SecretId=secret)["SecretString"] == "new"
    described = secrets.describe_secret(SecretId=secret)
    assert described["RotationRules"] == rules
    assert described["NextRotationDate"] > described["LastRotatedDate"]
    secrets.cancel_rotate_secret(SecretId=secret)
    refused("InvalidParameterException", secrets.rotate_secret, SecretId=secret,
            RotationRules={"ScheduleExpression": "daily"})


def test_policies_and_tags(secrets: Any) -> None:
    secret = create(secrets)
    policy = json.dumps({"Version": "2012-10-17", "Statement": {
        "Effect": "Allow", "Action": "secretsmanager:GetSecretValue", "Resource": "*",
        "Principal": {"AWS": ENCLAVE_ROLE}}})
    assert secrets.validate_resource_policy(
        SecretId=secret, ResourcePolicy=policy)["PolicyValidationPassed"]
    secrets.put_resource_policy(SecretId=secret, ResourcePolicy=policy, BlockPublicPolicy=True)
    assert secrets.get_resource_policy(SecretId=secret)["ResourcePolicy"] == policy
    if hasattr(secrets, "list_resource_policies"):
        assert secrets.list_resource_policies(SecretId=secret)["ResourcePolicies"]
    secrets.delete_resource_policy(SecretId=secret)
    everyone = policy.replace('{"AWS": "' + ENCLAVE_ROLE + '"}', '"*"')
    refused("PublicPolicyException", secrets.put_resource_policy, SecretId=secret,
            ResourcePolicy=everyone, BlockPublicPolicy=True)
    refused("MalformedPolicyDocumentException", secrets.put_resource_policy, SecretId=secret,
            ResourcePolicy="{")
    secrets.tag_resource(SecretId=secret, Tags=[{"Key": "a", "Value": "b"}])
    secrets.untag_resource(SecretId=secret, TagKeys=["a"])
