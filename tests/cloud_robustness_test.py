#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""What hostile and broken clients do to the local AWS: answered or dropped by rule, and the
server still serves. Usage: cloud_robustness_test.py PROGRAM"""

import json
import os
import resource
import signal
import socket
import ssl
import subprocess
import sys
import tempfile
import time
import urllib.request

IDLE = 2000


class Server:
    def __init__(self, program, folder, *options):
        self.errors = open(os.path.join(folder, "stderr"), "ab")
        self.process = subprocess.Popen(
            [program, "cloud", "--listen", "127.0.0.1:0", "--data", os.path.join(folder, "data"), *options],
            stdout=subprocess.PIPE, stderr=self.errors)
        self.ready = json.loads(self.process.stdout.readline())
        self.port = int(self.ready["endpoint"].rsplit(":", 1)[1])

    def connect(self):
        return socket.create_connection(("127.0.0.1", self.port), timeout=30)

    def page(self, name):
        return urllib.request.urlopen(f"{self.ready['endpoint']}/_cofferdam/{name}", timeout=30).read().decode()

    def gauge(self, name):
        lines = [line for line in self.page("metrics").splitlines() if line.startswith(name + " ")]
        return int(lines[0].split()[1])

    def resident(self):
        with open(f"/proc/{self.process.pid}/status") as status:
            return next(int(line.split()[1]) for line in status if line.startswith("VmRSS:"))

    def stop(self):
        self.process.send_signal(signal.SIGTERM)
        assert self.process.wait(30) == 0, "the server did not stop cleanly"


def answer(server, data, end=False):
    with server.connect() as connection:
        connection.sendall(data)
        if end:
            connection.shutdown(socket.SHUT_WR)
        received = b""
        while True:
            try:
                part = connection.recv(65536)
            except ConnectionResetError:
                return received
            if not part:
                return received
            received += part


def request(body, target=b"TrentService.ListKeys", close=True):
    return (b"POST / HTTP/1.1\r\nHost: a\r\nX-Amz-Target: " + target + b"\r\nContent-Length: " +
            str(len(body)).encode() + (b"\r\nConnection: close" if close else b"") + b"\r\n\r\n" + body)


def oversized(server):
    head = b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 99999999999\r\n\r\n"
    assert answer(server, head).startswith(b"HTTP/1.1 413 ")
    long_header = b"GET / HTTP/1.1\r\nHost: a\r\nX: " + b"x" * 100_000 + b"\r\n\r\n"
    assert answer(server, long_header).startswith(b"HTTP/1.1 431 ")


def deep_json(server):
    for body in (b"[" * 100_000, b'{"a":' * 50_000, b"{" * 100_000):
        assert answer(server, request(body)).startswith(b"HTTP/1.1 400 "), "without a signature"


def pipelined(server):
    answers = answer(server, request(b"{}", close=False) * 99 + request(b"{}"))
    assert answers.count(b"HTTP/1.1 400 ") == 100, answers.count(b"HTTP/1.1 ")


def garbage(server):
    assert answer(server, b"\x00\xff" * 2000 + b"\r\n\r\n", end=True).startswith(b"HTTP/1.1 400 ")
    # The beginning of a TLS handshake that never was one.
    answer(server, b"\x16\x03\x01\x02\x00" + b"\x99" * 600, end=True)
    answer(server, b"\x16", end=True)


def tls_then_silence(server):
    context = ssl.create_default_context(cafile=server.ready["ca"])
    for _ in range(20):
        plain = server.connect()
        wrapped = context.wrap_socket(plain, server_hostname="127.0.0.1")
        wrapped.sendall(b"POST / HT")
        wrapped.close()


def half_open(server):
    """The request ends before its body: the connection goes, and nothing waits for it."""
    head = b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 100\r\n\r\nab"
    answer(server, head, end=True)
    with server.connect() as connection:
        connection.sendall(head)


def idle(server):
    before = server.resident()
    held = [server.connect() for _ in range(IDLE)]
    deadline = time.monotonic() + 30
    while server.gauge("cofferdam_open_connections") <= IDLE and time.monotonic() < deadline:
        time.sleep(0.05)
    assert server.gauge("cofferdam_open_connections") > IDLE
    grown = server.resident() - before
    print(f"{IDLE} idle connections: {grown} KiB more")
    # Sanitizers keep what was freed; 64 KiB each leaves room for them.
    assert grown < IDLE * 64, grown
    for connection in held:
        connection.close()
    while server.gauge("cofferdam_open_connections") > 10:
        assert time.monotonic() < deadline + 30, "closed connections stay"
        time.sleep(0.05)


def slow_loris(server):
    """One byte at a time meets the header deadline (10 s), a body that stops that of bodies (30 s);
    meanwhile others are served."""
    slow = [server.connect() for _ in range(50)]
    for connection in slow:
        connection.sendall(b"POST / HTTP/1.1\r\nHost: ")
    begun = time.monotonic()
    ended = set()
    while len(ended) < len(slow) and time.monotonic() - begun < 60:
        assert json.loads(server.page("health"))["status"] == "ok"
        for i, connection in enumerate(slow):
            if i in ended:
                continue
            try:
                connection.sendall(b"x")
                connection.settimeout(0.01)
                if connection.recv(64).startswith(b"HTTP/1.1 408 "):
                    ended.add(i)
            except TimeoutError:
                continue
            except OSError:
                ended.add(i)
        time.sleep(0.5)
    assert len(ended) == len(slow), f"{len(slow) - len(ended)} slow clients were never ended"


def finishes_what_it_began(program):
    """SIGTERM while a late answer is under way: the answer still comes."""
    with tempfile.TemporaryDirectory() as folder:
        server = Server(program, folder, "--fault", "kms:ListKeys=latency=1s")
        with server.connect() as connection:
            connection.sendall(request(b"{}"))
            deadline = time.monotonic() + 20
            while server.gauge("cofferdam_requests_under_way") == 0 and time.monotonic() < deadline:
                time.sleep(0.01)
            server.process.send_signal(signal.SIGTERM)
            assert connection.recv(65536).startswith(b"HTTP/1.1 400 "), "it was cut off"
        assert server.process.wait(30) == 0


def main():
    program = sys.argv[1]
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = IDLE + 200
    if hard != resource.RLIM_INFINITY and hard < wanted:
        sys.exit(77)
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, wanted), hard))
    with tempfile.TemporaryDirectory() as folder:
        server = Server(program, folder)
        for attack in (oversized, deep_json, pipelined, garbage, tls_then_silence, half_open, idle, slow_loris):
            attack(server)
            assert json.loads(server.page("health"))["status"] == "ok", attack.__name__
            print(f"{attack.__name__}: still serving", flush=True)
        server.stop()
    finishes_what_it_began(program)
    print("finishes_what_it_began: yes")


main()
