# SPDX-License-Identifier: Apache-2.0
"""Every operation of the local IAM through boto3; each answer as the service model has it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest

from local_aws import Cloud, refused
from shapes import ShapeCheck

ACCOUNT = "111122223333"
ISSUER = "https://token.example.com/tenant"

# What the services of the local AWS have a use for. The model's other operations are about
# the console, groups, instance profiles, certificates, reports, SAML and organizations.
OFFERED = set("""
AddClientIDToOpenIDConnectProvider AttachRolePolicy AttachUserPolicy CreateAccessKey
CreateOpenIDConnectProvider CreatePolicy CreatePolicyVersion CreateRole CreateUser
DeleteAccessKey DeleteOpenIDConnectProvider DeletePolicy DeletePolicyVersion DeleteRole
DeleteRolePermissionsBoundary DeleteRolePolicy DeleteUser DeleteUserPermissionsBoundary
DeleteUserPolicy DetachRolePolicy DetachUserPolicy GetAccessKeyLastUsed
GetOpenIDConnectProvider GetPolicy GetPolicyVersion GetRole GetRolePolicy GetUser
GetUserPolicy ListAccessKeys ListAttachedRolePolicies ListAttachedUserPolicies
ListGroupsForUser ListInstanceProfilesForRole ListOpenIDConnectProviderTags
ListOpenIDConnectProviders ListPolicies ListPolicyTags ListPolicyVersions ListRolePolicies
ListRoleTags ListRoles ListUserPolicies ListUserTags ListUsers PutRolePermissionsBoundary
PutRolePolicy PutUserPermissionsBoundary PutUserPolicy
RemoveClientIDFromOpenIDConnectProvider SetDefaultPolicyVersion TagOpenIDConnectProvider
TagPolicy TagRole TagUser UntagOpenIDConnectProvider UntagPolicy UntagRole UntagUser
UpdateAccessKey UpdateAssumeRolePolicy UpdateOpenIDConnectProviderThumbprint UpdateRole
UpdateRoleDescription UpdateUser
""".split())

ALLOW = json.dumps({
    "Version": "2012-10-17",
    "Statement": [{"Sid": "S", "Effect": "Allow", "Action": "kms:Decrypt", "Resource": "*"}],
})
TRUST = json.dumps({
    "Version": "2012-10-17",
    "Statement": [{"Effect": "Allow", "Action": "sts:AssumeRole",
                   "Principal": {"AWS": f"arn:aws:iam::{ACCOUNT}:root"}}],
})
TAGS = [{"Key": "team", "Value": "custody"}, {"Key": "stage", "Value": "test"}]


@pytest.fixture(scope="module")
def iam(cloud: Cloud) -> Any:
    return cloud.client("iam", tls=True)


@pytest.fixture(scope="module")
def check(iam: Any) -> ShapeCheck:
    return ShapeCheck(iam)


@pytest.fixture(autouse=True)
def nothing_against_the_answers(check: ShapeCheck) -> Iterator[None]:
    check.found.clear()
    yield
    assert check.found == []


def one_by_one(iam: Any, operation: str, member: str, **parameters: Any) -> list[Any]:
    """Everything a list has, asked for with pages of one."""
    pages = list(iam.get_paginator(operation).paginate(
        **parameters, PaginationConfig={"PageSize": 1}))
    assert all(len(page[member]) <= 1 for page in pages)
    return [item for page in pages for item in page[member]]


def test_the_life_of_a_user(iam: Any) -> None:
    made = iam.create_user(UserName="ann", Path="/people/", Tags=TAGS)["User"]
    assert made["Arn"] == f"arn:aws:iam::{ACCOUNT}:user/people/ann"
    assert made["UserId"].startswith("AIDA")
    assert iam.get_user(UserName="ann")["User"] == made
    iam.create_user(UserName="bob")
    names = [user["UserName"] for user in one_by_one(iam, "list_users", "Users")]
    assert {"ann", "bob"} <= set(names)
    assert names == sorted(names)
    assert [u["UserName"] for u in iam.list_users(PathPrefix="/people/")["Users"]] == ["ann"]
    iam.untag_user(UserName="ann", TagKeys=["stage"])
    changed = [{"Key": "team", "Value": "other"}, {"Key": "x", "Value": ""}]
    iam.tag_user(UserName="ann", Tags=changed)
    tags = one_by_one(iam, "list_user_tags", "Tags", UserName="ann")
    assert {tag["Key"]: tag["Value"] for tag in tags} == {"team": "other", "x": ""}
    assert iam.list_groups_for_user(UserName="ann")["Groups"] == []
    iam.update_user(UserName="ann", NewUserName="anna", NewPath="/")
    assert iam.get_user(UserName="anna")["User"]["Arn"] == f"arn:aws:iam::{ACCOUNT}:user/anna"
    refused("NoSuchEntity", iam.get_user, UserName="ann")
    refused("EntityAlreadyExists", iam.create_user, UserName="bob")
    for name in ("anna", "bob"):
        iam.delete_user(UserName=name)
    refused("NoSuchEntity", iam.delete_user, UserName="bob")


def test_access_keys(iam: Any) -> None:
    iam.create_user(UserName="keys")
    made = [iam.create_access_key(UserName="keys")["AccessKey"] for _ in range(2)]
    assert made[0]["AccessKeyId"].startswith("AKIA")
    assert len(made[0]["SecretAccessKey"]) == 40
    refused("LimitExceeded", iam.create_access_key, UserName="keys")
    iam.update_access_key(UserName="keys", AccessKeyId=made[0]["AccessKeyId"], Status="Inactive")
    listed = one_by_one(iam, "list_access_keys", "AccessKeyMetadata", UserName="keys")
    assert {key["AccessKeyId"]: key["Status"] for key in listed} == {
        made[0]["AccessKeyId"]: "Inactive", made[1]["AccessKeyId"]: "Active",
    }
    used = iam.get_access_key_last_used(AccessKeyId=made[1]["AccessKeyId"])
    assert used["UserName"] == "keys"
    refused("DeleteConflict", iam.delete_user, UserName="keys")
    for key in made:
        iam.delete_access_key(UserName="keys", AccessKeyId=key["AccessKeyId"])
    iam.delete_user(UserName="keys")


def test_the_life_of_a_role(iam: Any) -> None:
    made = iam.create_role(
        RoleName="life", AssumeRolePolicyDocument=TRUST, Description="first",
        MaxSessionDuration=7200, Tags=TAGS,
    )["Role"]
    assert made["RoleId"].startswith("AROA")
    assert made["AssumeRolePolicyDocument"] == json.loads(TRUST)
    iam.create_role(RoleName="life2", AssumeRolePolicyDocument=TRUST)
    names = [role["RoleName"] for role in one_by_one(iam, "list_roles", "Roles")]
    assert {"life", "life2"} <= set(names)
    iam.update_role(RoleName="life", Description="second", MaxSessionDuration=3600)
    assert iam.update_role_description(RoleName="life", Description="third")["Role"][
        "Description"] == "third"
    other = TRUST.replace(":root", ":user/admin")
    iam.update_assume_role_policy(RoleName="life", PolicyDocument=other)
    role = iam.get_role(RoleName="life")["Role"]
    assert role["AssumeRolePolicyDocument"] == json.loads(other)
    assert (role["Description"], role["MaxSessionDuration"]) == ("third", 3600)
    iam.tag_role(RoleName="life", Tags=[{"Key": "more", "Value": "1"}])
    iam.untag_role(RoleName="life", TagKeys=["team", "stage"])
    tags = one_by_one(iam, "list_role_tags", "Tags", RoleName="life")
    assert tags == [{"Key": "more", "Value": "1"}]
    assert iam.list_instance_profiles_for_role(RoleName="life")["InstanceProfiles"] == []
    refused("EntityAlreadyExists", iam.create_role, RoleName="life",
            AssumeRolePolicyDocument=TRUST)
    for name in ("life", "life2"):
        iam.delete_role(RoleName=name)
    refused("NoSuchEntity", iam.get_role, RoleName="life")


@pytest.mark.parametrize("kind", ["user", "role"])
def test_policies_of_an_identity(iam: Any, kind: str) -> None:
    trust = {"AssumeRolePolicyDocument": TRUST} if kind == "role" else {}
    named = {f"{kind.title()}Name": f"with-policies-{kind}"}

    def call(operation: str, **parameters: Any) -> Any:
        return getattr(iam, operation.replace("KIND", kind))(**named, **parameters)

    call("create_KIND", **trust)
    for name in ("one", "two"):
        call("put_KIND_policy", PolicyName=name, PolicyDocument=ALLOW)
    assert call("get_KIND_policy", PolicyName="one")["PolicyDocument"] == json.loads(ALLOW)
    assert one_by_one(iam, f"list_{kind}_policies", "PolicyNames", **named) == ["one", "two"]
    arns = [iam.create_policy(PolicyName=f"{kind}-{name}", PolicyDocument=ALLOW)["Policy"]["Arn"]
            for name in ("one", "two")]
    for arn in arns:
        call("attach_KIND_policy", PolicyArn=arn)
    listed = one_by_one(iam, f"list_attached_{kind}_policies", "AttachedPolicies", **named)
    assert [policy["PolicyArn"] for policy in listed] == arns
    refused("DeleteConflict", iam.delete_policy, PolicyArn=arns[0])
    call("put_KIND_permissions_boundary", PermissionsBoundary=arns[0])
    described = call("get_KIND")[kind.title()]
    assert described["PermissionsBoundary"]["PermissionsBoundaryArn"] == arns[0]
    call("delete_KIND_permissions_boundary")
    refused("DeleteConflict", getattr(iam, f"delete_{kind}"), **named)
    for name, arn in zip(("one", "two"), arns, strict=True):
        call("delete_KIND_policy", PolicyName=name)
        call("detach_KIND_policy", PolicyArn=arn)
        iam.delete_policy(PolicyArn=arn)
    refused("NoSuchEntity", getattr(iam, f"get_{kind}_policy"), **named, PolicyName="one")
    call("delete_KIND")


def test_versions_of_a_managed_policy(iam: Any) -> None:
    made = iam.create_policy(PolicyName="versions", PolicyDocument=ALLOW, Path="/custody/",
                             Description="d", Tags=TAGS)["Policy"]
    assert made["DefaultVersionId"] == "v1"
    arn = made["Arn"]
    iam.tag_policy(PolicyArn=arn, Tags=[{"Key": "more", "Value": "1"}])
    iam.untag_policy(PolicyArn=arn, TagKeys=["team"])
    tags = one_by_one(iam, "list_policy_tags", "Tags", PolicyArn=arn)
    assert {tag["Key"] for tag in tags} == {"stage", "more"}
    narrower = ALLOW.replace("kms:Decrypt", "kms:DescribeKey")
    second = iam.create_policy_version(PolicyArn=arn, PolicyDocument=narrower)["PolicyVersion"]
    assert (second["VersionId"], second["IsDefaultVersion"]) == ("v2", False)
    iam.set_default_policy_version(PolicyArn=arn, VersionId="v2")
    assert iam.get_policy(PolicyArn=arn)["Policy"]["DefaultVersionId"] == "v2"
    document = iam.get_policy_version(PolicyArn=arn, VersionId="v2")["PolicyVersion"]["Document"]
    assert document == json.loads(narrower)
    versions = one_by_one(iam, "list_policy_versions", "Versions", PolicyArn=arn)
    assert [version["VersionId"] for version in versions] == ["v2", "v1"]
    refused("DeleteConflict", iam.delete_policy_version, PolicyArn=arn, VersionId="v2")
    iam.delete_policy_version(PolicyArn=arn, VersionId="v1")
    for _ in range(4):
        iam.create_policy_version(PolicyArn=arn, PolicyDocument=ALLOW)
    refused("LimitExceeded", iam.create_policy_version, PolicyArn=arn, PolicyDocument=ALLOW)
    iam.create_policy(PolicyName="versions2", PolicyDocument=ALLOW)
    local = one_by_one(iam, "list_policies", "Policies", Scope="Local")
    assert {"versions", "versions2"} <= {policy["PolicyName"] for policy in local}
    iam.delete_policy(PolicyArn=f"arn:aws:iam::{ACCOUNT}:policy/versions2")
    for number in range(3, 7):
        iam.delete_policy_version(PolicyArn=arn, VersionId=f"v{number}")
    iam.delete_policy(PolicyArn=arn)
    refused("NoSuchEntity", iam.get_policy, PolicyArn=arn)


def test_oidc_providers(iam: Any) -> None:
    arn = iam.create_open_id_connect_provider(
        Url=ISSUER, ClientIDList=["one"], ThumbprintList=["a" * 40], Tags=TAGS
    )["OpenIDConnectProviderArn"]
    assert arn == f"arn:aws:iam::{ACCOUNT}:oidc-provider/token.example.com/tenant"
    refused("EntityAlreadyExists", iam.create_open_id_connect_provider, Url=ISSUER)
    named = {"OpenIDConnectProviderArn": arn}
    iam.add_client_id_to_open_id_connect_provider(**named, ClientID="two")
    iam.remove_client_id_from_open_id_connect_provider(**named, ClientID="one")
    iam.update_open_id_connect_provider_thumbprint(**named, ThumbprintList=["b" * 40])
    iam.tag_open_id_connect_provider(**named, Tags=[{"Key": "more", "Value": "1"}])
    iam.untag_open_id_connect_provider(**named, TagKeys=["team"])
    tags = one_by_one(iam, "list_open_id_connect_provider_tags", "Tags", **named)
    assert {tag["Key"] for tag in tags} == {"stage", "more"}
    provider = iam.get_open_id_connect_provider(**named)
    assert provider["Url"] == ISSUER.removeprefix("https://")
    assert (provider["ClientIDList"], provider["ThumbprintList"]) == (["two"], ["b" * 40])
    listed = iam.list_open_id_connect_providers()["OpenIDConnectProviderList"]
    assert {"Arn": arn} in listed
    iam.delete_open_id_connect_provider(**named)
    refused("NoSuchEntity", iam.get_open_id_connect_provider, **named)


@pytest.mark.parametrize(
    "policy",
    [
        "{",
        '{"Version": "2012-10-17"}',
        ALLOW.replace("Allow", "Maybe"),
        ALLOW.replace("2012-10-17", "2012-10-18"),
        ALLOW.replace('"Resource": "*"', '"Resource": "*", "Surprise": 1'),
        ALLOW.replace('"Resource": "*"', '"Resource": "*", "Principal": "*"'),
        ALLOW.replace('"Resource": "*"', '"Resource": "*", "Condition": {"NoSuchOperator": {}}'),
    ],
)
def test_malformed_policies(iam: Any, policy: str) -> None:
    assert refused("MalformedPolicyDocument", iam.create_policy, PolicyName="bad",
                   PolicyDocument=policy)


def test_bad_input(iam: Any) -> None:
    refused("NoSuchEntity", iam.attach_role_policy, RoleName="nobody",
            PolicyArn=f"arn:aws:iam::{ACCOUNT}:policy/none")
    refused("ValidationError", iam.create_user, UserName="not allowed!")
    refused("MalformedPolicyDocument", iam.create_role, RoleName="bad",
            AssumeRolePolicyDocument=ALLOW)


def test_every_operation_was_asked(iam: Any, check: ShapeCheck) -> None:
    """Last in this file: what is offered was answered, and nothing else was."""
    assert set(iam.meta.service_model.operation_names) >= OFFERED
    assert check.answered == OFFERED


def test_what_is_not_offered_says_so(cloud: Cloud) -> None:
    unchecked = cloud.client("iam", parameter_validation=False)
    for operation, name in unchecked.meta.method_to_api_mapping.items():
        if name not in OFFERED:
            assert name in refused("InvalidAction", getattr(unchecked, operation))
