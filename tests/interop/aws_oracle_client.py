# SPDX-License-Identifier: Apache-2.0
"""AWS's own libraries, through the program in aws_oracle/."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from programs import Finished, run


@dataclass(frozen=True)
class Parts:
    """What an image is made of."""

    kernel: Path
    cmdline: str
    ramdisks: list[Path]


@dataclass(frozen=True)
class Signer:
    certificate: Path
    key: Path


def registers(measurements: dict[str, str]) -> dict[str, str]:
    """The PCRs. HashAlgorithm beside them is Rust's debug text of a type: sha2 0.9, in
    nitro-cli, makes it "Sha384 { ... }", and sha2 0.10, in today's crate, something else."""
    return {name: value for name, value in measurements.items() if name.startswith("PCR")}


class AwsOracle:
    def __init__(self, program: Path) -> None:
        self._program = program

    def describe(self, image: Path) -> dict[str, Any]:
        found = run(self._program, "eif", "describe", image).expect(0).json()
        return {**found, "Measurements": registers(found["Measurements"])}

    def build(
        self,
        parts: Parts,
        output: Path,
        metadata: dict[str, Any],
        signer: Signer | None = None,
        arm64: bool = False,
    ) -> dict[str, str]:
        spec = {
            "kernel": str(parts.kernel),
            "cmdline": parts.cmdline,
            "ramdisks": [str(ramdisk) for ramdisk in parts.ramdisks],
            "metadata": metadata,
            "output": str(output),
            "arm64": arm64,
            "certificate": str(signer.certificate) if signer else None,
            "key": str(signer.key) if signer else None,
        }
        done = run(self._program, "eif", "build", stdin=json.dumps(spec).encode())
        return registers(done.expect(0).json())

    def sign(self, image: Path, signer: Signer) -> None:
        run(self._program, "eif", "sign", image, signer.certificate, signer.key).expect(0)

    def exchange(self, socket: Path, requests: list[Any]) -> list[Any]:
        """The module's answers; bytes are lists of integers."""
        done = run(self._program, "nsm", "exchange", socket, stdin=json.dumps(requests).encode())
        return json.loads(done.expect(0).stdout)

    def read_document(self, path: Path) -> Finished:
        return run(self._program, "nsm", "document", path)

    def kms_round_trip(self, key: str, environment: dict[str, str]) -> Finished:
        """Encrypts and decrypts with AWS's SDK for Rust."""
        return run(self._program, "kms", "round-trip", key, environment=environment)
