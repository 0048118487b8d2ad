# SPDX-License-Identifier: Apache-2.0
"""AWS's own image library, through the program in eif_oracle/."""

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


class EifOracle:
    def __init__(self, program: Path) -> None:
        self._program = program

    def try_describe(self, image: Path) -> Finished:
        return run(self._program, "describe", image)

    def describe(self, image: Path) -> dict[str, Any]:
        return self.try_describe(image).expect(0).json()

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
        return run(self._program, "build", stdin=json.dumps(spec).encode()).expect(0).json()

    def sign(self, image: Path, signer: Signer) -> None:
        run(self._program, "sign", image, signer.certificate, signer.key).expect(0)
