# SPDX-License-Identifier: Apache-2.0
"""One emulated enclave: its security module and what it measures."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from nsm_wire import NsmClient


@dataclass(frozen=True)
class Enclave:
    socket: Path
    pcrs: dict[int, bytes]
    ready: dict[str, Any]

    @property
    def device(self) -> str:
        return f"unix:{self.socket}"

    def module(self) -> NsmClient:
        return NsmClient(self.socket)

    def attest(self, **members: bytes) -> bytes:
        """A fresh document."""
        with self.module() as module:
            return module.attest(**members)
