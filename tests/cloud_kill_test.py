#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""kill -9 under load, again and again: nothing acknowledged is lost, and the store opens every
time. Usage: cloud_kill_test.py PROGRAM [ROUNDS]; COFFERDAM_KILL_ROUNDS also says how many."""

import concurrent.futures
import datetime
import hashlib
import hmac
import http.client
import json
import os
import random
import signal
import subprocess
import sys
import tempfile
import threading
import time

CLIENTS = 4


def sign(key, text):
    return hmac.new(key, text.encode(), hashlib.sha256).digest()


def call(port, credentials, operation, members):
    """One signed KMS request on a connection of its own: (status, answer)."""
    body = json.dumps(members).encode()
    stamp = datetime.datetime.now(datetime.timezone.utc).strftime("%Y%m%dT%H%M%SZ")
    headers = {"host": f"127.0.0.1:{port}", "x-amz-date": stamp, "x-amz-target": "TrentService." + operation}
    names = ";".join(sorted(headers))
    canonical = "\n".join(["POST", "/", "", *(f"{name}:{headers[name]}" for name in sorted(headers)), "",
                           names, hashlib.sha256(body).hexdigest()])
    scope = f"{stamp[:8]}/us-east-1/kms/aws4_request"
    text = "\n".join(["AWS4-HMAC-SHA256", stamp, scope, hashlib.sha256(canonical.encode()).hexdigest()])
    key = ("AWS4" + credentials["SecretAccessKey"]).encode()
    for part in scope.split("/"):
        key = sign(key, part)
    headers["authorization"] = (f"AWS4-HMAC-SHA256 Credential={credentials['AccessKeyId']}/{scope}, "
                                f"SignedHeaders={names}, Signature={sign(key, text).hex()}")
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=20)
    try:
        connection.request("POST", "/", body, headers)
        answer = connection.getresponse()
        return answer.status, json.loads(answer.read() or b"{}")
    finally:
        connection.close()


class Server:
    def __init__(self, program, data):
        begun = time.monotonic()
        self.process = subprocess.Popen([program, "cloud", "--listen", "127.0.0.1:0", "--data", data],
                                        stdout=subprocess.PIPE)
        line = self.process.stdout.readline()
        assert line, "the server did not start: the store did not open"
        self.started = time.monotonic() - begun
        self.port = int(json.loads(line)["endpoint"].rsplit(":", 1)[1])
        with open(os.path.join(data, "credentials.json")) as file:
            self.credentials = json.load(file)

    def call(self, operation, members):
        return call(self.port, self.credentials, operation, members)

    def kill(self):
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()
        self.process.stdout.close()


def write_until_killed(server, stop, acknowledged):
    while not stop.is_set():
        try:
            status, answer = server.call("CreateKey", {})
            if status != 200:
                continue
            key = answer["KeyMetadata"]["KeyId"]
            acknowledged.append((key, None))
            alias = "alias/" + key
            status, _ = server.call("CreateAlias", {"AliasName": alias, "TargetKeyId": key})
            if status == 200:
                acknowledged.append((key, alias))
        except (OSError, http.client.HTTPException, ValueError):
            return


def one_round(program, data, acknowledged, numbers):
    server = Server(program, data)
    stop = threading.Event()
    with concurrent.futures.ThreadPoolExecutor(CLIENTS) as pool:
        for _ in range(CLIENTS):
            pool.submit(write_until_killed, server, stop, acknowledged)
        time.sleep(numbers.uniform(0.02, 0.12))
        server.kill()
        stop.set()
    return server.started


def check(program, data, acknowledged):
    """Every acknowledged key and alias is there and works."""
    server = Server(program, data)
    try:
        for key, alias in acknowledged:
            status, answer = server.call("DescribeKey", {"KeyId": alias or key})
            assert status == 200 and answer["KeyMetadata"]["KeyId"] == key, (key, alias, answer)
        for key, _ in acknowledged[:: max(1, len(acknowledged) // 50)]:
            status, answer = server.call("GenerateDataKey", {"KeyId": key, "KeySpec": "AES_256"})
            assert status == 200, answer
    finally:
        server.kill()


def main():
    program = sys.argv[1]
    rounds = int(sys.argv[2] if len(sys.argv) > 2 else os.environ.get("COFFERDAM_KILL_ROUNDS", "10"))
    numbers = random.Random(rounds)
    acknowledged = []
    starts = []
    with tempfile.TemporaryDirectory() as folder:
        data = os.path.join(folder, "data")
        for done in range(1, rounds + 1):
            starts.append(one_round(program, data, acknowledged, numbers))
            if done % 50 == 0 or done == rounds:
                check(program, data, acknowledged)
    assert acknowledged, "nothing was ever acknowledged: this tested nothing"
    starts.sort()
    print(f"{rounds} kills, {len(acknowledged)} acknowledged writes, none lost; "
          f"start-up {starts[len(starts) // 2] * 1000:.0f} ms (median)")


main()
