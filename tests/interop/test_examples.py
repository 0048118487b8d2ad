# SPDX-License-Identifier: Apache-2.0
"""The examples, each from Debian's packages to a secret inside a measured enclave."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from cryptography import x509

from container_tools import need
from ledger_lines import verify

ROOT = Path(__file__).resolve().parents[2]
# Downloads, an image of up to a few hundred megabytes, and a run.
LIMIT_SECONDS = 300


def run_example(program: Path, example: str, kept: Path) -> dict[str, object]:
    """What the workload of an example says, after a run that ended well."""
    need("apt-get", "dpkg-deb", "aws", "openssl")
    folders = ["--programs", str(program.parent), "--keep", str(kept)]
    done = subprocess.run(
        [sys.executable, str(ROOT / "examples/run"), example, *folders],
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
    assert found["uid"] == 1000
    return found


@pytest.mark.parametrize(
    ("example", "language"), [("cpp", "C++"), ("python", "Python"), ("node", "JavaScript")]
)
def test_a_workload_of_debian_packages_proves_that_it_has_the_secret(
    program: Path, tmp_path: Path, example: str, language: str
) -> None:
    found = run_example(program, example, tmp_path / "kept")
    assert found["language"] == language
    # The same verdict that `cofferdam audit verify` gives, from Python alone.
    root = x509.load_pem_x509_certificate((tmp_path / "kept/aws/nsm/root.pem").read_bytes())
    enclave, entries = verify((tmp_path / "kept/ledger.jsonl").read_bytes(), root)
    assert {f"PCR{index}": enclave.pcrs[index].hex() for index in (0, 8)}.items() <= {
        name: value.lower() for name, value in found["pcrs"].items()
    }.items()
    kinds = [entry["kind"] for entry in entries]
    assert kinds == ["genesis", "self_validation", "release", "closing"]


def test_an_unmodified_sdk_and_its_companions_work_inside(program: Path, tmp_path: Path) -> None:
    """boto3, the Secrets Manager Agent's interface, files and container credentials, under a
    measured policy that asks for the user and the executable."""
    found = run_example(program, "sdk", tmp_path / "kept")
    assert found["kms"] == {
        "roundTrip": True,
        "otherContext": "AccessDeniedException",
        "encrypt": "UnsupportedOperationException",
    }
    assert found["secretsAgent"] is True
    assert found["credentials"]
