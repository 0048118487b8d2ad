# SPDX-License-Identifier: Apache-2.0
"""Every operation of the local STS through boto3; each answer as the service model has it."""

from __future__ import annotations

import json
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import boto3
import pytest
from botocore import UNSIGNED
from botocore.config import Config

from local_aws import REGION, Cloud, refused
from oidc_issuer import AUDIENCE, Issuer, SigningKey
from shapes import ShapeCheck

ACCOUNT = "111122223333"
ADMIN = f"arn:aws:iam::{ACCOUNT}:user/admin"

# SAML, organizations, and identities of users and workloads that AWS signs for elsewhere.
NOT_OFFERED = {
    "AssumeRoleWithSAML", "AssumeRoot", "DecodeAuthorizationMessage",
    "GetDelegatedAccessToken", "GetFederationToken", "GetWebIdentityToken",
}


@pytest.fixture(scope="module")
def sts(cloud: Cloud) -> Any:
    return cloud.client("sts", tls=True)


@pytest.fixture(scope="module")
def iam(cloud: Cloud) -> Any:
    return cloud.client("iam")


@pytest.fixture(scope="module")
def anonymous(cloud: Cloud) -> Any:
    """For the operation that needs no credentials."""
    return boto3.client(
        "sts", region_name=REGION, endpoint_url=cloud.ready["endpoint"],
        config=Config(signature_version=UNSIGNED, retries={"total_max_attempts": 1}),
    )


@pytest.fixture(scope="module")
def checks(sts: Any, anonymous: Any) -> list[ShapeCheck]:
    return [ShapeCheck(sts), ShapeCheck(anonymous)]


@pytest.fixture(autouse=True)
def nothing_against_the_answers(checks: list[ShapeCheck]) -> Iterator[None]:
    for check in checks:
        check.found.clear()
    yield
    assert [text for check in checks for text in check.found] == []


def client_of(cloud: Cloud, service: str, credentials: dict[str, Any]) -> Any:
    return boto3.client(
        service, region_name=REGION, endpoint_url=cloud.ready["endpoint"],
        aws_access_key_id=credentials["AccessKeyId"],
        aws_secret_access_key=credentials["SecretAccessKey"],
        aws_session_token=credentials["SessionToken"],
        config=Config(retries={"total_max_attempts": 1}),
    )


def document(*statements: dict[str, Any]) -> str:
    return json.dumps({"Version": "2012-10-17", "Statement": list(statements)})


def trust(action: Any, principal: Any, condition: dict[str, Any] | None = None) -> str:
    statement = {"Effect": "Allow", "Action": action, "Principal": principal}
    return document({**statement, "Condition": condition} if condition else statement)


def allow(*actions: str) -> str:
    return document({"Effect": "Allow", "Action": list(actions), "Resource": "*"})


def make_role(iam: Any, name: str, trust_policy: str, *actions: str) -> str:
    role = iam.create_role(RoleName=name, AssumeRolePolicyDocument=trust_policy)["Role"]
    if actions:
        iam.put_role_policy(RoleName=name, PolicyName="p", PolicyDocument=allow(*actions))
    return role["Arn"]


def test_who_am_i(sts: Any, cloud: Cloud) -> None:
    me = sts.get_caller_identity()
    assert (me["Account"], me["Arn"]) == (ACCOUNT, ADMIN)
    key = json.loads(cloud.admin_credentials.read_text())["AccessKeyId"]
    assert sts.get_access_key_info(AccessKeyId=key)["Account"] == ACCOUNT


def test_a_presigned_url_says_who_signed_it(sts: Any) -> None:
    url = sts.generate_presigned_url("get_caller_identity", ExpiresIn=60, HttpMethod="GET")
    plain = "http" + url.removeprefix("https")  # The signature covers the host, not the scheme.
    with urllib.request.urlopen(plain, timeout=10) as answer:  # noqa: S310
        assert f"<Arn>{ADMIN}</Arn>" in answer.read().decode()
    with pytest.raises(urllib.error.HTTPError) as error:
        urllib.request.urlopen(plain.replace("X-Amz-Expires=60", "X-Amz-Expires=61"), timeout=10)
    assert error.value.code == 403
    assert b"<Code>SignatureDoesNotMatch</Code>" in error.value.read()


def test_a_role_session(sts: Any, iam: Any, cloud: Cloud) -> None:
    arn = make_role(iam, "session", trust("sts:AssumeRole", {"AWS": ADMIN}), "kms:ListKeys")
    answer = sts.assume_role(RoleArn=arn, RoleSessionName="s1", DurationSeconds=900)
    session = f"arn:aws:sts::{ACCOUNT}:assumed-role/session/s1"
    assert answer["AssumedRoleUser"]["Arn"] == session
    assert answer["Credentials"]["AccessKeyId"].startswith("ASIA")
    left = answer["Credentials"]["Expiration"] - datetime.now(UTC)
    assert 880 < left.total_seconds() <= 900
    assert client_of(cloud, "sts", answer["Credentials"]).get_caller_identity()["Arn"] == session
    kms = client_of(cloud, "kms", answer["Credentials"])
    kms.list_keys()
    assert f"User: {session} is not authorized to perform: kms:CreateKey" in refused(
        "AccessDeniedException", kms.create_key)
    narrow = sts.assume_role(RoleArn=arn, RoleSessionName="s2", Policy=allow("kms:ListAliases"))
    assert narrow["PackedPolicySize"] >= 0
    refused("AccessDeniedException", client_of(cloud, "kms", narrow["Credentials"]).list_keys)


def test_a_role_asks_for_its_external_id(sts: Any, iam: Any) -> None:
    arn = make_role(iam, "external", trust(
        "sts:AssumeRole", {"AWS": ADMIN}, {"StringEquals": {"sts:ExternalId": "e1"}}))
    sts.assume_role(RoleArn=arn, RoleSessionName="s0", ExternalId="e1")
    for wrong in ({}, {"ExternalId": "e2"}):
        text = refused("AccessDenied", sts.assume_role, RoleArn=arn, RoleSessionName="s0", **wrong)
        action = "is not authorized to perform: sts:AssumeRole on resource:"
        assert text == f"User: {ADMIN} {action} {arn}"
    refused("AccessDenied", sts.assume_role, RoleSessionName="s0",
            RoleArn=f"arn:aws:iam::{ACCOUNT}:role/nobody")


def test_session_tags_are_principal_tags(sts: Any, iam: Any, cloud: Cloud) -> None:
    arn = make_role(iam, "tagged", trust(["sts:AssumeRole", "sts:TagSession"], {"AWS": ADMIN}))
    iam.put_role_policy(RoleName="tagged", PolicyName="p", PolicyDocument=document(
        {"Effect": "Allow", "Action": "kms:ListKeys", "Resource": "*",
         "Condition": {"StringEquals": {"aws:PrincipalTag/team": "custody"}}}))
    for team, allowed in (("custody", True), ("other", False)):
        session = sts.assume_role(
            RoleArn=arn, RoleSessionName="s0", Tags=[{"Key": "team", "Value": team}])
        kms = client_of(cloud, "kms", session["Credentials"])
        if allowed:
            kms.list_keys()
        else:
            refused("AccessDeniedException", kms.list_keys)


def test_limits_of_sessions(sts: Any, iam: Any) -> None:
    arn = make_role(iam, "limits", trust("sts:AssumeRole", {"AWS": ADMIN}))
    refused("ValidationError", sts.assume_role, RoleArn=arn, RoleSessionName="s0",
            DurationSeconds=3601)
    refused("MalformedPolicyDocument", sts.assume_role, RoleArn=arn, RoleSessionName="s0",
            Policy="{}")
    refused("ValidationError", sts.assume_role, RoleArn=arn, RoleSessionName="not allowed")


def test_a_session_of_the_user_itself(sts: Any, cloud: Cloud) -> None:
    credentials = sts.get_session_token(DurationSeconds=900)["Credentials"]
    assert client_of(cloud, "sts", credentials).get_caller_identity()["Arn"] == ADMIN
    client_of(cloud, "kms", credentials).list_keys()
    refused("AccessDenied", client_of(cloud, "sts", credentials).get_session_token)
    stranger = {**credentials, "SessionToken": credentials["SessionToken"][:-4] + "AAAA"}
    refused("UnrecognizedClientException", client_of(cloud, "kms", stranger).list_keys)
    refused("InvalidClientTokenId", client_of(cloud, "sts", stranger).get_caller_identity)


# --- Web identities -----------------------------------------------------------------------------


@pytest.fixture(scope="module")
def issuer() -> Iterator[Issuer]:
    with Issuer() as running:
        yield running


@pytest.fixture(scope="module")
def web_role(iam: Any, issuer: Issuer) -> str:
    provider = iam.create_open_id_connect_provider(
        Url=issuer.url, ClientIDList=[AUDIENCE])["OpenIDConnectProviderArn"]
    condition = {"StringEquals": {f"{issuer.provider}:aud": AUDIENCE},
                 "StringLike": {f"{issuer.provider}:sub": "enclave-*"}}
    policy = trust("sts:AssumeRoleWithWebIdentity", {"Federated": provider}, condition)
    return make_role(iam, "web", policy, "kms:ListKeys")


def test_a_token_becomes_a_session(
    anonymous: Any, issuer: Issuer, web_role: str, cloud: Cloud
) -> None:
    answer = anonymous.assume_role_with_web_identity(
        RoleArn=web_role, RoleSessionName="s0", WebIdentityToken=issuer.token())
    assert answer["SubjectFromWebIdentityToken"] == "enclave-1"
    assert answer["Audience"] == AUDIENCE
    assert answer["Provider"] == f"arn:aws:iam::{ACCOUNT}:oidc-provider/{issuer.provider}"
    session = client_of(cloud, "sts", answer["Credentials"]).get_caller_identity()["Arn"]
    assert session == f"arn:aws:sts::{ACCOUNT}:assumed-role/web/s0"
    client_of(cloud, "kms", answer["Credentials"]).list_keys()
    fetches = issuer.fetches
    anonymous.assume_role_with_web_identity(
        RoleArn=web_role, RoleSessionName="s0", WebIdentityToken=issuer.token())
    assert issuer.fetches == fetches


def test_tokens_that_are_refused(anonymous: Any, issuer: Issuer, web_role: str) -> None:
    now = int(time.time())
    cases = [
        ("AccessDenied", issuer.token(sub="someone-else")),
        ("InvalidIdentityToken", issuer.token(aud="another")),
        ("InvalidIdentityToken", issuer.token(key=SigningKey("first"))),
        ("InvalidIdentityToken", issuer.token(iss="https://elsewhere.example.com")),
        ("ExpiredTokenException", issuer.token(iat=now - 7200, nbf=now - 7200, exp=now - 3600)),
        ("InvalidIdentityToken", "not.a.token"),
    ]
    for code, token in cases:
        refused(code, anonymous.assume_role_with_web_identity,
                RoleArn=web_role, RoleSessionName="s0", WebIdentityToken=token)


def test_every_operation_was_asked(checks: list[ShapeCheck]) -> None:
    """Last in this file: what the model has is either answered above or named above."""
    unanswered = [check.never_answered() for check in checks]
    assert set.intersection(*unanswered) == NOT_OFFERED
