#!/usr/bin/env python3
"""docker-api.py SOCKET IMAGE: what Docker's API takes for what examples' Benchmark calls "attach" and "stats of 100 containers".

Medians in milliseconds. The image has cat and sleep. For stats each container is asked for one sample (one-shot), all at once: Docker's
collector ticks each second, and an answer waits for the tick.
"""
import concurrent.futures
import http.client
import json
import socket
import statistics
import sys
import time

PATH, IMAGE = sys.argv[1:3]
MANY, ROUNDS = 100, 10


class Connection(http.client.HTTPConnection):
    def connect(self):
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.connect(PATH)


def ask(method, path, body=None, connection=None):
    connection = connection or Connection("d")
    connection.request(method, path, json.dumps(body) if body else None, {"Content-Type": "application/json"})
    answer = connection.getresponse()
    content = answer.read()
    if answer.status >= 300:
        raise SystemExit(f"{method} {path}: {answer.status} {content.decode()}")
    return content


def start(**more):
    host = {"NetworkMode": "none"}
    made = json.loads(ask("POST", "/containers/create", dict({"Image": IMAGE, "HostConfig": host}, **more)))["Id"]
    ask("POST", f"/containers/{made}/start")
    return made


def attach():
    box = start(Cmd=["cat"], OpenStdin=True, AttachStdin=True, AttachStdout=True)
    with socket.socket(socket.AF_UNIX) as stream:
        stream.connect(PATH)
        query = "stream=1&stdin=1&stdout=1"
        stream.sendall(f"POST /containers/{box}/attach?{query} HTTP/1.1\r\nHost: d\r\nUpgrade: tcp\r\nConnection: Upgrade\r\n\r\n".encode())
        while b"\r\n\r\n" not in stream.recv(65536):
            pass
        times = []
        for _ in range(200 * ROUNDS):
            begun = time.perf_counter()
            stream.sendall(b"x")
            got = 0
            while got < 9:  # eight bytes say which stream and how many follow
                got += len(stream.recv(4096))
            times.append((time.perf_counter() - begun) * 1e3)
    ask("DELETE", f"/containers/{box}?force=1")
    return statistics.median(times)


def stats(boxes):
    connections = [Connection("d") for _ in boxes]

    def one(number):
        ask("GET", f"/containers/{boxes[number]}/stats?stream=0&one-shot=1", None, connections[number])

    with concurrent.futures.ThreadPoolExecutor(len(boxes)) as pool:
        times = []
        for _ in range(ROUNDS):
            begun = time.perf_counter()
            list(pool.map(one, range(len(boxes))))
            times.append((time.perf_counter() - begun) * 1e3)
    return statistics.median(times)


print(f"attach: one byte in, the same byte out  {attach():.3f}")
running = [start(Cmd=["sleep", "3600"]) for _ in range(MANY)]
try:
    print(f"stats of {MANY} containers  {stats(running):.1f}")
finally:
    for each in running:
        ask("DELETE", f"/containers/{each}?force=1")
