# SPDX-License-Identifier: Apache-2.0
"""The security module's protocol over a Unix socket: u32 length, big-endian, then CBOR."""

from __future__ import annotations

import socket
from pathlib import Path
from typing import Any

import cbor2

LIMIT_SECONDS = 10


class NsmError(Exception):
    """The module's own error code, such as ReadOnlyIndex."""


class NsmClient:
    def __init__(self, path: Path | str) -> None:
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self._socket.settimeout(LIMIT_SECONDS)
        self._socket.connect(str(path))

    def close(self) -> None:
        self._socket.close()

    def __enter__(self) -> NsmClient:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def call(self, request: Any) -> Any:
        body = cbor2.dumps(request)
        self._socket.sendall(len(body).to_bytes(4, "big") + body)
        response = cbor2.loads(self._receive(int.from_bytes(self._receive(4), "big")))
        if isinstance(response, dict) and "Error" in response:
            raise NsmError(response["Error"])
        return response

    def attest(
        self,
        user_data: bytes | None = None,
        nonce: bytes | None = None,
        public_key: bytes | None = None,
    ) -> bytes:
        members = {"user_data": user_data, "nonce": nonce, "public_key": public_key}
        return self.call({"Attestation": members})["Attestation"]["document"]

    def describe(self) -> dict[str, Any]:
        return self.call("DescribeNSM")["DescribeNSM"]

    def random(self) -> bytes:
        return self.call("GetRandom")["GetRandom"]["random"]

    def pcr(self, index: int) -> tuple[bool, bytes]:
        answer = self.call({"DescribePCR": {"index": index}})["DescribePCR"]
        return answer["lock"], answer["data"]

    def extend(self, index: int, data: bytes) -> bytes:
        return self.call({"ExtendPCR": {"index": index, "data": data}})["ExtendPCR"]["data"]

    def lock(self, index: int) -> None:
        assert self.call({"LockPCR": {"index": index}}) == "LockPCR"

    def _receive(self, size: int) -> bytes:
        out = b""
        while len(out) < size:
            piece = self._socket.recv(size - len(out))
            if not piece:
                raise ConnectionError("the module closed the connection")
            out += piece
        return out
