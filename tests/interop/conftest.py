# SPDX-License-Identifier: Apache-2.0
"""What the tests share: the program, its services, the vectors and AWS's libraries."""

from __future__ import annotations

import os
import secrets
import shutil
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from aws_oracle_client import AwsOracle
from enclave import Enclave
from local_aws import Cloud
from programs import Finished, Service, run

ROOT = Path(__file__).resolve().parents[2]

# The tests say which credentials, endpoint and proxy count: the caller's must not.
for name in [name for name in os.environ if name.startswith("AWS_")]:
    del os.environ[name]
os.environ["NO_PROXY"] = os.environ["no_proxy"] = "127.0.0.1"

Command = Callable[..., Finished]


@pytest.fixture(scope="session")
def program() -> Path:
    path = Path(os.environ.get("COFFERDAM", ROOT / "build/release/apps/cofferdam"))
    assert path.exists(), f"{path} is missing: run `make release`"
    return path


@pytest.fixture(scope="session")
def cofferdam(program: Path) -> Command:
    return lambda *arguments, stdin=b"": run(program, *arguments, stdin=stdin)


@pytest.fixture(scope="session")
def folder() -> Iterator[Path]:
    """A short path: names of Unix sockets hold about a hundred characters."""
    path = Path(tempfile.mkdtemp(prefix="interop-"))
    yield path
    shutil.rmtree(path)


@pytest.fixture(scope="session")
def cloud(program: Path, folder: Path) -> Iterator[Cloud]:
    log = folder / "cloud.log"
    with Service(
        program, "cloud", "--listen", "127.0.0.1:0", "--data", folder / "aws", log=log
    ) as service:
        yield Cloud(service.ready)


@pytest.fixture(scope="session")
def start_enclave(program: Path, folder: Path, cloud: Cloud) -> Iterator[Callable[..., Enclave]]:
    """Starts the security module of an enclave with the given registers (index to bytes)."""
    services: list[Service] = []

    def start(pcrs: dict[int, bytes], *options: str) -> Enclave:
        socket = folder / f"nsm-{len(services)}.sock"
        values = [word for i, value in pcrs.items() for word in ("--pcr", f"{i}={value.hex()}")]
        command = ["nsm", "serve", "--listen", f"unix:{socket}", "--data", str(cloud.nsm_data)]
        log = socket.with_suffix(".log")
        services.append(Service(program, *command, *values, *options, log=log))
        return Enclave(socket=socket, pcrs=pcrs, ready=services[-1].ready)

    yield start
    for service in services:
        service.stop()


@pytest.fixture(scope="session")
def enclave(start_enclave: Callable[..., Enclave]) -> Enclave:
    """An enclave that measures something nobody else has."""
    return start_enclave({index: secrets.token_bytes(48) for index in (0, 1, 2, 8)})


@pytest.fixture(scope="session")
def vectors() -> Path:
    path = Path(os.environ.get("COFFERDAM_VECTORS", ROOT.parent / "shared/vectors"))
    if not path.is_dir():
        pytest.skip(f"no vectors at {path}: set COFFERDAM_VECTORS")
    return path


@pytest.fixture(scope="session")
def oracle() -> AwsOracle:
    path = ROOT / "build/interop-aws-oracle/debug/aws-oracle"
    assert path.exists(), f"{path} is missing: run tools/interop"
    return AwsOracle(path)
