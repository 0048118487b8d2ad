# SPDX-License-Identifier: Apache-2.0
"""Every operation of the local Secrets Manager through boto3; each answer as the service
model has it."""

from __future__ import annotations

import json
import uuid
from collections.abc import Iterator
from typing import Any

import pytest

from local_aws import ENCLAVE_ROLE, Cloud, refused
from shapes import ShapeCheck

VALUE = "correct horse battery staple"

# A laptop is one Region.
ELSEWHERE = {
    "AssociateCrossAccountReplica", "DisassociateCrossAccountReplica",
    "RemoveRegionsFromReplication", "ReplicateSecretToRegions", "StopReplicationToReplica",
}


@pytest.fixture(scope="module")
def secrets(cloud: Cloud) -> Any:
    return cloud.client("secretsmanager", tls=True)


@pytest.fixture(scope="module")
def check(secrets: Any) -> ShapeCheck:
    return ShapeCheck(secrets)


@pytest.fixture(autouse=True)
def nothing_against_the_answers(check: ShapeCheck) -> Iterator[None]:
    check.found.clear()
    yield
    assert check.found == []


def one_by_one(operation: Any, member: str, **parameters: Any) -> list[Any]:
    """Everything a list has, asked for with pages of one. boto3 has few paginators here."""
    found: list[Any] = []
    token: dict[str, str] = {}
    while True:
        page = operation(**parameters, MaxResults=1, **token)
        assert len(page[member]) <= 1
        found += page[member]
        if "NextToken" not in page:
            return found
        token = {"NextToken": page["NextToken"]}


def stages(secrets: Any, name: str) -> dict[str, set[str]]:
    versions = one_by_one(
        secrets.list_secret_version_ids, "Versions", SecretId=name, IncludeDeprecated=True)
    return {version["VersionId"]: set(version.get("VersionStages", [])) for version in versions}


def test_a_value_comes_back(secrets: Any) -> None:
    made = secrets.create_secret(Name="app/one", SecretString=VALUE, Description="d")
    assert made["ARN"].startswith("arn:aws:secretsmanager:us-east-1:111122223333:secret:app/one-")
    got = secrets.get_secret_value(SecretId="app/one")
    assert (got["SecretString"], got["ARN"]) == (VALUE, made["ARN"])
    assert got["VersionStages"] == ["AWSCURRENT"]
    assert secrets.get_secret_value(SecretId=made["ARN"])["VersionId"] == made["VersionId"]
    secrets.create_secret(Name="app/bytes", SecretBinary=b"\x00\xff")
    assert secrets.get_secret_value(SecretId="app/bytes")["SecretBinary"] == b"\x00\xff"
    refused("ResourceExistsException", secrets.create_secret, Name="app/one", SecretString=VALUE)
    refused("ResourceNotFoundException", secrets.get_secret_value, SecretId="app/none")
    secrets.create_secret(Name="app/empty")
    refused("ResourceNotFoundException", secrets.get_secret_value, SecretId="app/empty")


def test_labels_move_as_documented(secrets: Any) -> None:
    first = secrets.create_secret(Name="labels", SecretString="1")["VersionId"]
    second = secrets.put_secret_value(SecretId="labels", SecretString="2")["VersionId"]
    assert stages(secrets, "labels") == {first: {"AWSPREVIOUS"}, second: {"AWSCURRENT"}}
    third = secrets.update_secret(SecretId="labels", SecretString="3")["VersionId"]
    assert stages(secrets, "labels") == {
        first: set(), second: {"AWSPREVIOUS"}, third: {"AWSCURRENT"}}
    pending = secrets.put_secret_value(
        SecretId="labels", SecretString="4", VersionStages=["AWSPENDING", "MINE"])["VersionId"]
    secrets.update_secret_version_stage(
        SecretId="labels", VersionStage="AWSCURRENT", MoveToVersionId=pending,
        RemoveFromVersionId=third)
    after = stages(secrets, "labels")
    assert after[pending] == {"AWSCURRENT", "AWSPENDING", "MINE"}
    assert after[third] == {"AWSPREVIOUS"}
    assert secrets.get_secret_value(SecretId="labels")["SecretString"] == "4"
    assert secrets.get_secret_value(SecretId="labels", VersionStage="AWSPREVIOUS")[
        "SecretString"] == "3"
    assert secrets.get_secret_value(SecretId="labels", VersionId=first)["SecretString"] == "1"
    secrets.update_secret_version_stage(
        SecretId="labels", VersionStage="MINE", RemoveFromVersionId=pending)
    described = secrets.describe_secret(SecretId="labels")["VersionIdsToStages"]
    assert set(described[pending]) == {"AWSCURRENT", "AWSPENDING"}


def test_a_token_makes_one_version(secrets: Any) -> None:
    token = str(uuid.uuid4())
    asked = {"Name": "token", "SecretString": "1", "ClientRequestToken": token}
    assert secrets.create_secret(**asked)["VersionId"] == token
    assert secrets.create_secret(**asked)["VersionId"] == token
    put = {"SecretId": "token", "ClientRequestToken": token}
    assert secrets.put_secret_value(**put, SecretString="1")["VersionId"] == token
    refused("ResourceExistsException", secrets.put_secret_value, **put, SecretString="2")
    assert set(stages(secrets, "token")) == {token}


def test_updates_and_tags(secrets: Any, cloud: Cloud) -> None:
    key = cloud.client("kms").create_key()["KeyMetadata"]["Arn"]
    secrets.create_secret(Name="tags", SecretString=VALUE, Tags=[{"Key": "a", "Value": "1"}])
    secrets.update_secret(SecretId="tags", Description="new", KmsKeyId=key)
    secrets.tag_resource(SecretId="tags", Tags=[{"Key": "b", "Value": "2"}])
    secrets.untag_resource(SecretId="tags", TagKeys=["a"])
    described = secrets.describe_secret(SecretId="tags")
    assert (described["Description"], described["KmsKeyId"]) == ("new", key)
    assert described["Tags"] == [{"Key": "b", "Value": "2"}]
    assert secrets.get_secret_value(SecretId="tags")["SecretString"] == VALUE


def test_lists(secrets: Any) -> None:
    for i in range(3):
        secrets.create_secret(Name=f"listed/{i}", SecretString=str(i))
    listed = {"Filters": [{"Key": "name", "Values": ["listed/"]}]}
    names = [secret["Name"] for secret in one_by_one(secrets.list_secrets, "SecretList", **listed)]
    assert sorted(names) == ["listed/0", "listed/1", "listed/2"]
    values = one_by_one(secrets.batch_get_secret_value, "SecretValues", **listed)
    assert {value["SecretString"] for value in values} == {"0", "1", "2"}
    some = secrets.batch_get_secret_value(SecretIdList=["listed/0", "listed/none"])
    assert [value["Name"] for value in some["SecretValues"]] == ["listed/0"]
    assert [error["ErrorCode"] for error in some["Errors"]] == ["ResourceNotFoundException"]


def test_deletion_and_restoration(secrets: Any) -> None:
    arn = secrets.create_secret(Name="going", SecretString=VALUE)["ARN"]
    gone = secrets.delete_secret(SecretId="going", RecoveryWindowInDays=7)
    assert gone["ARN"] == arn
    refused("InvalidRequestException", secrets.get_secret_value, SecretId="going")
    refused("InvalidRequestException", secrets.create_secret, Name="going", SecretString=VALUE)
    assert "DeletedDate" in secrets.describe_secret(SecretId="going")
    listed = secrets.list_secrets(IncludePlannedDeletion=True)["SecretList"]
    assert "going" in [secret["Name"] for secret in listed]
    secrets.restore_secret(SecretId="going")
    assert secrets.get_secret_value(SecretId="going")["SecretString"] == VALUE
    secrets.delete_secret(SecretId="going", ForceDeleteWithoutRecovery=True)
    refused("ResourceNotFoundException", secrets.describe_secret, SecretId="going")
    refused("InvalidParameterException", secrets.delete_secret, SecretId="app/one",
            RecoveryWindowInDays=7, ForceDeleteWithoutRecovery=True)


def resource_policy(effect: str, principal: Any) -> str:
    statement = {"Effect": effect, "Principal": principal, "Resource": "*",
                 "Action": "secretsmanager:GetSecretValue"}
    return json.dumps({"Version": "2012-10-17", "Statement": [statement]})


def test_resource_policies_decide(secrets: Any, cloud: Cloud) -> None:
    admin = cloud.client("sts").get_caller_identity()["Arn"]
    arn = secrets.create_secret(Name="guarded", SecretString=VALUE)["ARN"]
    enclave = cloud.client("secretsmanager", credentials=cloud.enclave_credentials)
    refused("AccessDeniedException", enclave.get_secret_value, SecretId="guarded")
    allow = resource_policy("Allow", {"AWS": ENCLAVE_ROLE})
    assert secrets.validate_resource_policy(ResourcePolicy=allow)["PolicyValidationPassed"]
    secrets.put_resource_policy(SecretId="guarded", ResourcePolicy=allow)
    named = secrets.list_resource_policies(SecretId="guarded")["ResourcePolicies"]
    assert named == [{"PolicyName": "default"}]
    read = secrets.get_resource_policy(SecretId="guarded")["ResourcePolicy"]
    assert json.loads(read) == json.loads(allow)
    assert enclave.get_secret_value(SecretId="guarded")["SecretString"] == VALUE
    secrets.put_resource_policy(
        SecretId="guarded", ResourcePolicy=resource_policy("Deny", {"AWS": admin}))
    denied = refused("AccessDeniedException", secrets.get_secret_value, SecretId="guarded")
    assert denied == (
        f"User: {admin} is not authorized to perform: secretsmanager:GetSecretValue on resource: "
        f"{arn} with an explicit deny in a resource-based policy")
    refused("MalformedPolicyDocumentException", secrets.put_resource_policy, SecretId="guarded",
            ResourcePolicy='{"Version": "2012-10-17"}')
    secrets.delete_resource_policy(SecretId="guarded")
    assert secrets.get_secret_value(SecretId="guarded")["SecretString"] == VALUE


def test_rotation_is_recorded(secrets: Any) -> None:
    secrets.create_secret(Name="rotated", SecretString=VALUE)
    function = "arn:aws:lambda:us-east-1:111122223333:function:enclave"
    secrets.rotate_secret(
        SecretId="rotated", RotationLambdaARN=function, RotateImmediately=False,
        RotationRules={"AutomaticallyAfterDays": 30})
    described = secrets.describe_secret(SecretId="rotated")
    assert described["RotationEnabled"]
    assert described["RotationRules"]["AutomaticallyAfterDays"] == 30
    secrets.cancel_rotate_secret(SecretId="rotated")
    assert not secrets.describe_secret(SecretId="rotated").get("RotationEnabled")


def test_random_passwords(secrets: Any) -> None:
    made = secrets.get_random_password(PasswordLength=50, ExcludePunctuation=True)
    assert len(made["RandomPassword"]) == 50
    assert made["RandomPassword"].isalnum()


def test_every_operation_was_asked(check: ShapeCheck) -> None:
    """Last in this file: what the model has is either answered above or named above."""
    assert check.never_answered() == ELSEWHERE
