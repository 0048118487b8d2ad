# SPDX-License-Identifier: Apache-2.0
"""Terraform takes what `cofferdam policy terraform` writes, and the same files are proved."""

from __future__ import annotations

from pathlib import Path

import pytest

from conftest import Command
from programs import Finished, run
from terraform_runs import PLUGINS, missing

ACCOUNTS = ("111122223333", "444455556666")
PCR8 = "8a" * 48


def write_configuration(cofferdam: Command, folder: Path) -> None:
    words = ["policy", "terraform", "--output", str(folder), "--region", "eu-central-1"]
    for account in ACCOUNTS:
        words += ["--account", account]
    words += ["--key", "payments", "--key", "audit-log", "--pcr8", PCR8]
    cofferdam(*words, "--admin", "role/KeyAdmin", "--user", "role/parent").expect(0)


@pytest.mark.skipif(bool(missing()), reason=missing())
def test_terraform_takes_the_configuration(cofferdam: Command, tmp_path: Path) -> None:
    write_configuration(cofferdam, tmp_path)

    def terraform(*words: str) -> Finished:
        return run("terraform", f"-chdir={tmp_path}", *words, environment={"CHECKPOINT_DISABLE": "1"})

    terraform("init", f"-plugin-dir={PLUGINS}").expect(0)
    assert terraform("validate", "-json").expect(0).json()["valid"]


def test_every_policy_of_the_configuration_is_proved(cofferdam: Command, tmp_path: Path) -> None:
    write_configuration(cofferdam, tmp_path)
    words = ["policy", "prove", "--json", "--pcr", f"8={PCR8}"]
    for account in ACCOUNTS:
        policy = tmp_path / "policies" / f"{account}.json"
        words += ["--key-policy", f"arn:aws:kms:eu-central-1:{account}:key/k={policy}"]
        words += ["--administrator", f"arn:aws:iam::{account}:role/KeyAdmin"]
    assert cofferdam(*words).expect(0).json()["verdict"] == "proved"
