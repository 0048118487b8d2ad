#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""A workload in Python: asks the agent for a secret and proves that it has it.

The proof is HMAC-SHA256(secret, challenge), which whoever owns the secret can compute too.
Nothing but the standard library is needed to talk to the agent.
"""

from __future__ import annotations

import hashlib
import hmac
import http.client
import json
import os
import socket
import sys


class AgentConnection(http.client.HTTPConnection):
    """HTTP over the agent's Unix socket."""

    def __init__(self, path: str) -> None:
        super().__init__("agent", timeout=30)
        self._path = path

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(self.timeout)
        self.sock.connect(self._path)


def fetch_secret(name: str) -> bytes:
    connection = AgentConnection(os.environ["COFFERDAM_SOCKET"])
    connection.request("GET", f"/v1/secrets/{name}")
    answer = connection.getresponse()
    body = answer.read()
    if answer.status != 200:
        sys.exit(f"the agent refused: {body.decode(errors='replace')}")
    return body


def main() -> None:
    name, challenge = sys.argv[1:3]
    proof = hmac.new(fetch_secret(name), challenge.encode(), hashlib.sha256).hexdigest()
    print(json.dumps({"language": "Python", "uid": os.getuid(), "proof": proof}), flush=True)


main()
