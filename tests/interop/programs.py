# SPDX-License-Identifier: Apache-2.0
"""The programs under test, run as an operator runs them."""

from __future__ import annotations

import json
import os
import select
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

COMMAND_LIMIT_SECONDS = 120
READY_LIMIT_SECONDS = 30


@dataclass(frozen=True)
class Finished:
    """How a command ended. Standard output is JSON by contract."""

    exit_code: int
    stdout: bytes
    stderr: str

    def json(self) -> dict[str, Any]:
        return json.loads(self.stdout)

    def expect(self, exit_code: int) -> Finished:
        assert self.exit_code == exit_code, (
            f"exit code {self.exit_code} instead of {exit_code}: {self.stderr or self.stdout!r}"
        )
        return self


def run(
    *command: str | Path, stdin: bytes = b"", environment: dict[str, str] | None = None
) -> Finished:
    """`environment` is added to this process's own."""
    done = subprocess.run(
        [str(word) for word in command],
        env={**os.environ, **(environment or {})},
        input=stdin,
        capture_output=True,
        timeout=COMMAND_LIMIT_SECONDS,
        check=False,
    )
    return Finished(done.returncode, done.stdout, done.stderr.decode(errors="replace"))


class Service:
    """A program that prints one JSON line when it is ready and runs until it is stopped."""

    def __init__(self, *command: str | Path, log: Path) -> None:
        self._log = log
        with log.open("wb") as errors:
            self._process = subprocess.Popen(
                [str(word) for word in command], stdout=subprocess.PIPE, stderr=errors
            )
        try:
            self.ready: dict[str, Any] = json.loads(self._ready_line())
        except BaseException:
            self.stop()
            raise

    def _ready_line(self) -> bytes:
        assert self._process.stdout is not None
        line = b""
        deadline = time.monotonic() + READY_LIMIT_SECONDS
        while not line.endswith(b"\n"):
            left = deadline - time.monotonic()
            if left <= 0 or not select.select([self._process.stdout], [], [], left)[0]:
                raise TimeoutError(f"no ready line; {self._said()}")
            piece = self._process.stdout.read1(65536)  # type: ignore[attr-defined]
            if not piece:
                raise RuntimeError(f"ended before it was ready; {self._said()}")
            line += piece
        return line

    def _said(self) -> str:
        return f"it said: {self._log.read_text(errors='replace')}"

    def stop(self) -> None:
        self._process.terminate()
        try:
            self._process.wait(timeout=10)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        if self._process.stdout is not None:
            self._process.stdout.close()

    def __enter__(self) -> Service:
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()
