#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""cofferdam-parent as systemd starts it: an inherited socket, READY, reload, watchdog, the end.

usage: parent_service_test.py PROGRAM
"""

import http.client
import os
import signal
import socket
import subprocess
import sys
import tempfile
from pathlib import Path

FIRST_SOCKET = 3
PATIENCE = 30.0


def message(notify: socket.socket) -> str:
    return notify.recv(4096).decode()


def wait_for(notify: socket.socket, wanted: str) -> None:
    while wanted not in message(notify).split("\n"):
        pass


def connect(path: Path, target: str) -> int:
    """The status of a CONNECT."""
    with socket.socket(socket.AF_UNIX) as stream:
        stream.settimeout(PATIENCE)
        stream.connect(str(path))
        stream.sendall(f"CONNECT {target} HTTP/1.1\r\nHost: a\r\n\r\n".encode())
        return int(stream.makefile("rb").readline().split()[1])


def metrics(port: int) -> str:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=PATIENCE)
    connection.request("GET", "/metrics")
    return connection.getresponse().read().decode()


def start(program: str, config: Path, inherited: socket.socket, notify: Path) -> subprocess.Popen:
    def become_a_service() -> None:
        os.dup2(inherited.fileno(), FIRST_SOCKET)
        os.environ["LISTEN_PID"] = str(os.getpid())
        os.execve(program, [program, "--config", str(config)], os.environ)

    environment = {
        "LISTEN_FDS": "1",
        "NOTIFY_SOCKET": str(notify),
        "WATCHDOG_USEC": "200000",
        "AWS_EC2_METADATA_DISABLED": "true",
    }
    os.environ.update(environment)
    return subprocess.Popen(
        [program], preexec_fn=become_a_service, pass_fds=[FIRST_SOCKET, inherited.fileno()],
        stdout=subprocess.DEVNULL,
    )


def check(program: str, folder: Path) -> None:
    notify = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    notify.settimeout(PATIENCE)
    notify.bind(str(folder / "notify.sock"))
    inherited = socket.socket(socket.AF_UNIX)
    inherited.bind(str(folder / "egress.sock"))
    inherited.listen(16)
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]

    config = folder / "parent.toml"
    lines = [
        f'control = "unix:{folder}/control.sock"',
        f'egress = "unix:{folder}/egress.sock"',
        f'metrics = "tcp:127.0.0.1:{port}"',
    ]
    config.write_text("\n".join([*lines, 'allow = ["127.0.0.1:1"]']))
    parent = start(program, config, inherited, folder / "notify.sock")
    try:
        wait_for(notify, "READY=1")
        wait_for(notify, "WATCHDOG=1")
        assert connect(folder / "egress.sock", "127.0.0.1:1") == 502
        assert connect(folder / "egress.sock", "127.0.0.1:2") == 403

        config.write_text("\n".join([*lines, 'allow = ["127.0.0.1:2"]']))
        parent.send_signal(signal.SIGHUP)
        wait_for(notify, "RELOADING=1")
        wait_for(notify, "READY=1")
        assert connect(folder / "egress.sock", "127.0.0.1:2") == 502
        assert connect(folder / "egress.sock", "127.0.0.1:1") == 403

        config.write_text("control = ")
        parent.send_signal(signal.SIGHUP)
        wait_for(notify, "RELOADING=1")
        wait_for(notify, "READY=1")
        assert connect(folder / "egress.sock", "127.0.0.1:2") == 502
        assert "cofferdam_parent_reloads_total 1\n" in metrics(port)
        assert "cofferdam_parent_failed_reloads_total 1\n" in metrics(port)

        parent.send_signal(signal.SIGTERM)
        wait_for(notify, "STOPPING=1")
        assert parent.wait(PATIENCE) == 0
        assert (folder / "egress.sock").exists()  # Its maker's to remove.
        assert not (folder / "control.sock").exists()
    finally:
        if parent.poll() is None:
            parent.kill()
            parent.wait()


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        check(str(Path(sys.argv[1]).resolve()), Path(folder))


if __name__ == "__main__":
    main()
