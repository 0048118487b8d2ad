# SPDX-License-Identifier: Apache-2.0
"""Two accounts of one local AWS: what crosses between them needs both to allow it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError

from local_aws import Cloud
from programs import Service

OTHER_ACCOUNT = "444455556666"
OTHER_USER = f"arn:aws:iam::{OTHER_ACCOUNT}:user/other"
ADMIN = "arn:aws:iam::111122223333:user/admin"
SECRET = b"correct horse battery staple"
SEED = f"""
[[user]]
account = "{OTHER_ACCOUNT}"
name = "other"
policies = ["all.json"]
credentials = "other.json"
"""


def document(*statements: dict[str, Any]) -> str:
    return json.dumps({"Version": "2012-10-17", "Statement": statements})


def allow(**members: Any) -> dict[str, Any]:
    return {"Effect": "Allow", "Resource": "*", **members}


@pytest.fixture(scope="module")
def two(program: Path, folder: Path) -> Iterator[Cloud]:
    (folder / "all.json").write_text(document(allow(Action="*")))
    (folder / "seed.toml").write_text(SEED)
    with Service(program, "cloud", "--listen", "127.0.0.1:0", "--data", folder / "two",
                 "--seed", folder / "seed.toml", log=folder / "two.log") as service:
        yield Cloud(service.ready)


def denied(call: Any, **parameters: Any) -> None:
    with pytest.raises(ClientError) as error:
        call(**parameters)
    assert error.value.response["Error"]["Code"] == "AccessDeniedException"


def test_a_key_of_another_account_needs_both_sides(two: Cloud, folder: Path) -> None:
    ours, theirs = two.client("kms"), two.client("kms", credentials=folder / "other.json")
    iam = two.client("iam", credentials=folder / "other.json")
    key = ours.create_key()["KeyMetadata"]["Arn"]
    blob = ours.encrypt(KeyId=key, Plaintext=SECRET)["CiphertextBlob"]
    denied(theirs.decrypt, CiphertextBlob=blob, KeyId=key)

    both = document(allow(Principal={"AWS": ADMIN}, Action="kms:*"),
                    allow(Principal={"AWS": OTHER_ACCOUNT}, Action="kms:Decrypt"))
    ours.put_key_policy(KeyId=key, Policy=both)
    assert theirs.decrypt(CiphertextBlob=blob, KeyId=key)["Plaintext"] == SECRET

    # Their own side takes it back: naming the user in the key's policy would not be enough.
    iam.put_user_policy(UserName="other", PolicyName="all",
                        PolicyDocument=document(allow(Action="iam:*")))
    denied(theirs.decrypt, CiphertextBlob=blob, KeyId=key)
    named = document(allow(Principal={"AWS": ADMIN}, Action="kms:*"),
                     allow(Principal={"AWS": OTHER_USER}, Action="kms:Decrypt"))
    ours.put_key_policy(KeyId=key, Policy=named)
    denied(theirs.decrypt, CiphertextBlob=blob, KeyId=key)


def test_each_account_sees_its_own(two: Cloud, folder: Path) -> None:
    ours, theirs = two.client("kms"), two.client("kms", credentials=folder / "other.json")
    identity = two.client("sts", credentials=folder / "other.json").get_caller_identity()
    assert identity["Arn"] == OTHER_USER
    key = ours.create_key()["KeyMetadata"]["KeyId"]
    denied(theirs.list_keys)
    assert key in [entry["KeyId"] for entry in ours.list_keys(Limit=1000)["Keys"]]
