#!/usr/bin/python3
"""Uploads that are no honest neighbours, from one process, with pyzmq.

    user_uploads.py open --home DIR --port N --count N [--ask SECONDS] [--announce BYTES]
                                      begin uploads and send nothing; each asks where to go on now and then
    user_uploads.py flood --home DIR --port N --count N
                                      begin uploads, and ask where to go on as often as the line takes it
    user_uploads.py endless --port N --homes DIR,DIR,... --counts N,N,... --seconds N
                                      so many uploads without an end for each of some users; prints how many bytes of
                                      each user the server took in so many seconds

`open` and `flood` print "Approved N" and "Ready", and stay until they are killed. `endless` prints "Bytes [N, ...]".
"""

import argparse
import json
import os
import resource
import sys
import time

import zmq

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from crowd import SILENCE_MS, Contexts, Upload, say  # noqa: E402
from reference_protocol import u32, u64  # noqa: E402

META = json.dumps({"sample": "S-17"}).encode("utf8")
LARGEST_CHUNK = bytes(1 << 21)


def begin(args):
    """Uploads that were approved. One that the server has no place for has had its answer as well."""
    contexts = Contexts()
    kept = [contexts.dealer(args) for _ in range(args.count)]
    info = [json.dumps({"_dync": "info", "size": args.announce}).encode("utf8")] if args.announce else []
    for index, socket in enumerate(kept):
        name = f"idle-{os.getpid()}-{index}.raw".encode("utf8")
        socket.send_multipart([b"post-file", u32(0), name, META, *info])
    approved = 0
    for socket in kept:
        if not socket.poll(SILENCE_MS):
            sys.exit("No answer from the server")
        approved += socket.recv_multipart()[0] == b"upload-approved"
    say(f"Approved {approved}")
    say("Ready")
    return contexts, kept


def hear_all(socket):
    while socket.poll(0):
        socket.recv_multipart()


def open_uploads(args):
    _contexts, kept = begin(args)
    while True:
        time.sleep(args.ask)
        for socket in kept:
            hear_all(socket)
            socket.send_multipart([b"query-status"])


def flood(args):
    _contexts, kept = begin(args)
    while True:
        for socket in kept:
            hear_all(socket)
            for _ in range(64):
                try:
                    socket.send_multipart([b"query-status"], zmq.NOBLOCK)
                except zmq.Again:
                    break


class Endless(Upload):
    """Sends whenever it may, and counts."""

    def __init__(self, socket, name, counts, user):
        self.counts, self.user = counts, user
        super().__init__(socket, name, b"", b"")

    def may_send(self):
        return self.credit > 0 and self.chunk > 0

    def send(self):
        self.credit -= 1
        data = LARGEST_CHUNK[: self.chunk]
        self.socket.send_multipart([b"post-chunk", u32(0), u64(self.offset), data], copy=True)
        self.offset += self.chunk
        self.counts[self.user] += self.chunk


def endless(args):
    homes = args.homes.split(",")
    numbers = [int(count) for count in args.counts.split(",")]
    contexts, poller, running, counts = Contexts(), zmq.Poller(), {}, [0] * len(homes)
    for user, (home, number_of) in enumerate(zip(homes, numbers)):
        args.home = home
        for index in range(number_of):
            socket = contexts.dealer(args)
            running[socket] = Endless(socket, f"endless-{index}.raw", counts, user)
            poller.register(socket, zmq.POLLIN)

    def work_until(end):
        while time.monotonic() < end:
            for socket, _ in poller.poll(1000):
                running[socket].receive()

    # All are in, and have what they are given.
    work_until(time.monotonic() + args.seconds / 2)
    before = list(counts)
    work_until(time.monotonic() + args.seconds)
    say("Bytes " + json.dumps([after - early for after, early in zip(counts, before)]))


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("what", choices=["open", "flood", "endless"])
    parser.add_argument("--home")
    parser.add_argument("--homes")
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--count", type=int, default=1)
    parser.add_argument("--counts")
    parser.add_argument("--seconds", type=float, default=4)
    parser.add_argument("--ask", type=float, default=15)
    parser.add_argument("--announce", type=int)
    args = parser.parse_args()
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    {"open": open_uploads, "flood": flood, "endless": endless}[args.what](args)


if __name__ == "__main__":
    main()
