# SPDX-License-Identifier: Apache-2.0
"""Terraform with AWS's provider, run on a configuration of this folder."""

from __future__ import annotations

import json
import os
import shutil
from pathlib import Path
from typing import Any

from local_aws import REGION, Cloud
from programs import Finished, run

CONFIGURATIONS = Path(__file__).resolve().parent / "terraform"
PLUGINS = Path(os.environ.get("COFFERDAM_TERRAFORM_PLUGINS", "/opt/tf-plugins"))
AWS_PROVIDER = PLUGINS / "registry.terraform.io/hashicorp/aws"


def missing() -> str:
    """Why Terraform cannot be run here, or nothing."""
    if shutil.which("terraform") is None:
        return "no terraform in PATH"
    if not AWS_PROVIDER.is_dir():
        return f"no AWS provider in {PLUGINS}: set COFFERDAM_TERRAFORM_PLUGINS"
    return ""


class Workspace:
    """A configuration with its own state."""

    CLEAN, CHANGES = 0, 2  # Exit codes of `plan -detailed-exitcode`.

    def __init__(self, configuration: str, folder: Path, cloud: Cloud) -> None:
        keys = json.loads(cloud.admin_credentials.read_text())
        self._folder = folder
        self._environment = {
            "AWS_ACCESS_KEY_ID": keys["AccessKeyId"],
            "AWS_SECRET_ACCESS_KEY": keys["SecretAccessKey"],
            "AWS_REGION": REGION,
            "AWS_ENDPOINT_URL": cloud.ready["tlsEndpoint"],
            "AWS_CA_BUNDLE": cloud.ready["ca"],
            "AWS_EC2_METADATA_DISABLED": "true",
            "AWS_MAX_ATTEMPTS": "2",
            "CHECKPOINT_DISABLE": "1",
            "TF_IN_AUTOMATION": "1",
        }
        shutil.copy(CONFIGURATIONS / configuration / "main.tf", folder)
        self._run("init", f"-plugin-dir={PLUGINS}").expect(0)

    def apply(self, **variables: Any) -> None:
        self._change("apply", variables).expect(0)

    def plan(self, **variables: Any) -> Finished:
        return self._run("plan", "-detailed-exitcode", "-no-color", *self._words(variables))

    def destroy(self, **variables: Any) -> None:
        self._change("destroy", variables).expect(0)

    def output(self, name: str) -> Any:
        return self._run("output", "-json", name).expect(0).json()

    def _change(self, command: str, variables: dict[str, Any]) -> Finished:
        return self._run(command, "-auto-approve", "-no-color", *self._words(variables))

    @staticmethod
    def _words(variables: dict[str, Any]) -> list[str]:
        return [f"-var={name}={value}" for name, value in variables.items()]

    def _run(self, *words: str) -> Finished:
        command = ["terraform", f"-chdir={self._folder}", words[0], *words[1:]]
        return run(*command, environment=self._environment)
