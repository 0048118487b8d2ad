# SPDX-License-Identifier: Apache-2.0
"""Terraform creates, reads back, changes and destroys what the local AWS has.

A plan after an apply must find nothing to do: AWS's provider then understood every answer, and
every attribute reads back as it was set.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError

from local_aws import ENCLAVE_ROLE, Cloud
from terraform_runs import Workspace, missing

pytestmark = pytest.mark.skipif(bool(missing()), reason=missing())


def apply_change_and_settle(workspace: Workspace, **variables: Any) -> None:
    for number in (1, 2):
        workspace.apply(round=number, **variables)
        settled = workspace.plan(round=number, **variables)
        assert settled.exit_code == Workspace.CLEAN, settled.stdout.decode() + settled.stderr


def test_keys(cloud: Cloud, tmp_path: Path) -> None:
    workspace = Workspace("kms", tmp_path, cloud)
    apply_change_and_settle(workspace, grantee=ENCLAVE_ROLE)
    key, kms = workspace.output("key"), cloud.client("kms")
    assert kms.get_key_rotation_status(KeyId=key)["RotationPeriodInDays"] == 92
    assert {tag["TagKey"] for tag in kms.list_resource_tags(KeyId=key)["Tags"]} == {"round", "r2"}
    (grant,) = kms.list_grants(KeyId=key)["Grants"]
    assert grant["Name"] == "round-2"
    workspace.destroy(round=2, grantee=ENCLAVE_ROLE)
    assert kms.describe_key(KeyId=key)["KeyMetadata"]["KeyState"] == "PendingDeletion"
    with pytest.raises(kms.exceptions.NotFoundException):
        kms.describe_key(KeyId="alias/terraform")


def test_roles_users_and_providers(cloud: Cloud, tmp_path: Path) -> None:
    workspace = Workspace("iam", tmp_path, cloud)
    apply_change_and_settle(workspace)
    iam = cloud.client("iam")
    role = iam.get_role(RoleName=workspace.output("role"))["Role"]
    assert (role["Description"], role["MaxSessionDuration"]) == ("round 2", 7200)
    workspace.destroy(round=2)
    with pytest.raises(iam.exceptions.NoSuchEntityException):
        iam.get_role(RoleName="terraform-workload")
    with pytest.raises(iam.exceptions.NoSuchEntityException):
        iam.get_user(UserName="terraform-person")
    # Other tests of the session have providers of their own.
    providers = iam.list_open_id_connect_providers()["OpenIDConnectProviderList"]
    assert not [one for one in providers if one["Arn"].endswith("/broker.example.com")]


def test_secrets(cloud: Cloud, tmp_path: Path) -> None:
    workspace = Workspace("secrets", tmp_path, cloud)
    apply_change_and_settle(workspace)
    assert workspace.output("password") == "of round 2"
    secret, secrets = workspace.output("secret"), cloud.client("secretsmanager")
    assert "of round 2" in secrets.get_secret_value(SecretId=secret)["SecretString"]
    previous = secrets.get_secret_value(SecretId=secret, VersionStage="AWSPREVIOUS")
    assert "of round 1" in previous["SecretString"]
    workspace.destroy(round=2)
    with pytest.raises(secrets.exceptions.ResourceNotFoundException):
        secrets.describe_secret(SecretId=secret)
    with pytest.raises(ClientError) as error:
        secrets.get_secret_value(SecretId="terraform/binary")
    assert error.value.response["Error"]["Code"] == "InvalidRequestException"
