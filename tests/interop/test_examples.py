# SPDX-License-Identifier: Apache-2.0
"""The examples, each from Debian's packages to a secret inside a measured enclave."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path

import pytest

from container_tools import need

ROOT = Path(__file__).resolve().parents[2]
# Downloads, an image of up to a few hundred megabytes, and a run.
LIMIT_SECONDS = 300


@pytest.mark.parametrize(
    ("example", "language"), [("cpp", "C++"), ("python", "Python"), ("node", "JavaScript")]
)
def test_a_workload_of_debian_packages_proves_that_it_has_the_secret(
    program: Path, example: str, language: str
) -> None:
    need("apt-get", "dpkg-deb", "aws", "openssl")
    done = subprocess.run(
        [str(ROOT / "examples/run"), example, "--programs", str(program.parent)],
        env={name: value for name, value in os.environ.items() if not name.startswith("AWS_")},
        capture_output=True,
        text=True,
        timeout=LIMIT_SECONDS,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert found["holds"] is True
    # As its user asked for: not the agent's root.
    assert (found["language"], found["uid"]) == (language, 1000)
