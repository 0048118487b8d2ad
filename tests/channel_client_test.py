#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""The Python client of examples/channel against the server: OpenSSL's exporter and Python's
hashes say the same as ours.

    channel_client_test.py PATH/TO/channel_test_server PATH/TO/cofferdam
"""

from __future__ import annotations

import os
import pathlib
import subprocess
import sys
import tempfile

CLIENT = pathlib.Path(__file__).parent.parent / "examples" / "channel" / "client.py"


def main() -> int:
    program, cofferdam = sys.argv[1:]
    if subprocess.run(["openssl", "version"], capture_output=True, check=False).returncode != 0:
        return 77
    with tempfile.TemporaryDirectory(prefix="cofferdam-") as folder:
        socket, key = f"{folder}/s", f"{folder}/key"
        pathlib.Path(key).write_bytes(os.urandom(32))
        other = f"{folder}/other"
        pathlib.Path(other).write_bytes(os.urandom(32))
        with subprocess.Popen([program, socket, key], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                              text=True) as server:
            root, pcr0 = server.stdout.readline().split()

            def ask(mac_key: str, pcr: str) -> subprocess.CompletedProcess[str]:
                return subprocess.run(
                    [CLIENT, f"unix:{socket}", "--root", root, "--pcr", f"0={pcr}", "--client", "billing",
                     "--mac-key", mac_key, "--cofferdam", cofferdam, "GET", "/balance"],
                    capture_output=True, text=True, timeout=60, check=False)

            good, wrong_key, wrong_pcr = ask(key, pcr0), ask(other, pcr0), ask(key, "0" * 96)
            server.stdin.write("\n")
            server.stdin.flush()
        assert (good.returncode, good.stdout) == (0, "done"), good
        assert wrong_key.returncode == 1 and "not_authenticated" in wrong_key.stdout, wrong_key
        assert wrong_pcr.returncode == 1 and "pcr_mismatch" in wrong_pcr.stderr, wrong_pcr
    return 0


if __name__ == "__main__":
    sys.exit(main())
