#!/usr/bin/python3
"""Many connections to a dync server from one process, with pyzmq, for tests that a few hundred programs would drown.

    crowd.py idle --home DIR --port N --count N       authenticate, then say nothing
    crowd.py half-open --port N --count N             open TCP connections, send half a greeting, then nothing;
                                                      whatever the server closes is opened again
    crowd.py silent --port N --count N                open TCP connections and say nothing; so are these
    crowd.py half-frames --port N --count N --bytes N
                                                      send the greeting of CURVE, the header of a frame of so many
                                                      bytes, and all of it but 1 KB; so are these
    crowd.py heartbeats --home DIR --port N --count N
                                                      clients with ZMTP heartbeats that post a file, ask 200 times, and
                                                      close, over and over
    crowd.py upload --home DIR --port N --count N --bytes N --at-once N [--prefix NAME]
                                                      upload COUNT files of so many bytes, so many at a time

All but `upload` print "Ready" when all that was said and stay until they are killed; "Ended N" when so many more were
closed by the server, "Round N" after each round of heartbeats. `upload` prints a line "Uploaded N" now and then,
and ends with status 0 when every file was confirmed.
"""

import argparse
import hashlib
import json
import os
import resource
import selectors
import socket as sockets
import sys
import uuid

import zmq

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "../interop"))
from reference_protocol import LAST, certificate, number, u32, u64  # noqa: E402

SOCKETS_PER_CONTEXT = 1000
GREETING_HALF = b"\xff\0\0\0\0\0\0\0\1\x7f\3"
GREETING_CURVE = b"\xff\0\0\0\0\0\0\0\1\x7f\3\1" + b"CURVE".ljust(20, b"\0") + bytes(32)
SILENCE_MS = 120_000
STRANGERS_AT_ONCE = 64
HEARTBEATS = ((zmq.HEARTBEAT_IVL, 1), (zmq.HEARTBEAT_TIMEOUT, 2), (zmq.HEARTBEAT_TTL, 100))


def say(text):
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


class Contexts:
    """libzmq bounds the sockets of a context."""

    def __init__(self):
        self.contexts = []
        self.made = 0

    def dealer(self, args, options=()):
        if self.made % SOCKETS_PER_CONTEXT == 0:
            self.contexts.append(zmq.Context())
        self.made += 1
        socket = self.contexts[-1].socket(zmq.DEALER)
        public, secret = certificate(os.path.join(args.home, "client.key_secret"))
        socket.curve_publickey, socket.curve_secretkey = public, secret
        socket.curve_serverkey, _ = certificate(os.path.join(args.home, "server.key"))
        socket.set(zmq.IDENTITY, b"\x80" + uuid.uuid4().bytes[1:])
        socket.set(zmq.LINGER, 0)
        for option, value in options:
            socket.set(option, value)
        socket.connect(f"tcp://127.0.0.1:{args.port}")
        return socket


def idle(args):
    contexts = Contexts()
    kept = []
    for _ in range(args.count):
        socket = contexts.dealer(args)
        kept.append(socket)
    # An answer to each shows that all of them are in.
    for socket in kept:
        socket.send_multipart([b"query-status"])
    for socket in kept:
        if not socket.poll(SILENCE_MS):
            sys.exit("No answer from the server")
    say("Ready")
    kept[0].poll(10**9)


def half_open(args):
    strangers(args, GREETING_HALF)


def silent(args):
    strangers(args, b"")


def half_frames(args):
    # Flags "command" and "long", eight bytes of length.
    header = b"\6" + args.bytes.to_bytes(8, "big")
    strangers(args, GREETING_CURVE + header + bytes(args.bytes - 1024))


def strangers(args, words):
    """Keeps so many connections open, says `words` on each as far as the server takes them."""
    selector = selectors.DefaultSelector()
    words = memoryview(words)
    opened = ended = 0
    waiting = args.count
    while True:
        for _ in range(min(args.count - opened, STRANGERS_AT_ONCE)):
            connection = open_stranger(args.port)
            if connection is None:
                break
            wanted = selectors.EVENT_READ | selectors.EVENT_WRITE
            selector.register(connection, wanted, [0])
            opened += 1
        for key, events in selector.select(0 if opened < args.count else None):
            state = spoken(selector, key, events, words)
            if state == "speaking":
                continue
            # All has been said to as many, or the server did not want to hear it.
            if waiting > 0:
                waiting -= 1
                if waiting == 0:
                    say("Ready")
            if state == "silent":
                continue
            selector.unregister(key.fileobj)
            key.fileobj.close()
            opened -= 1
            ended += 1
            if ended % args.count == 0:
                say(f"Ended {ended}")


def open_stranger(port):
    """A connection that takes a moment at most: a server that is behind lets nobody wait here."""
    connection = sockets.socket()
    connection.setblocking(False)
    try:
        connection.connect(("127.0.0.1", port))
    except BlockingIOError:
        pass
    except OSError:
        connection.close()
        return None
    return connection


def spoken(selector, key, events, words):
    """Says and reads what can be said and read: "speaking", "silent" now that all is said, "closed" by the server."""
    connection, sent = key.fileobj, key.data
    try:
        if events & selectors.EVENT_READ and connection.recv(4096) == b"":
            return "closed"
        if not events & selectors.EVENT_WRITE:
            return "speaking"
        if sent[0] < len(words):
            sent[0] += connection.send(words[sent[0]:sent[0] + (1 << 20)])
        if sent[0] < len(words):
            return "speaking"
        selector.modify(connection, selectors.EVENT_READ, sent)
        return "silent"
    except BlockingIOError:
        return "speaking"
    except OSError:
        return "closed"


def heartbeats(args):
    contexts = Contexts()
    meta = json.dumps({"sample": "S-17"}).encode("utf8")
    rounds = 0
    while True:
        clients = []
        for _ in range(args.count):
            clients.append(contexts.dealer(args, HEARTBEATS))
        for number_, client in enumerate(clients):
            client.send_multipart([b"post-file", u32(0), f"heart-{os.getpid()}-{rounds}-{number_}.raw".encode(), meta])
        for client in clients:
            # The first waits until the handshake is done: then all is sent at once.
            client.poll(100)
            for _ in range(200):
                client.send_multipart([b"query-status"])
            client.close(linger=20)
        if rounds == 0:
            say("Ready")
        rounds += 1
        say(f"Round {rounds}")


class Upload:
    """One upload, driven by what the server says."""

    def __init__(self, socket, name, data, digest):
        self.socket, self.data, self.digest = socket, data, digest
        self.credit = self.chunk = self.offset = 0
        self.is_over = False
        meta = json.dumps({"sample": "S-17"}).encode("utf8")
        socket.send_multipart([b"post-file", u32(0), name.encode("utf8"), meta])

    def receive(self):
        frames = self.socket.recv_multipart()
        if frames[0] == b"upload-finished":
            self.is_over = True
        elif frames[0] == b"upload-approved":
            self.credit, self.chunk = number(frames[1], 4), number(frames[2], 4)
        elif frames[0] == b"transfer-credit":
            self.credit += number(frames[1], 4)
        elif frames[0] == b"status-report":
            self.offset, self.credit = number(frames[1], 8), number(frames[2], 4)
        else:
            sys.exit(f"The server said {frames}")
        while self.may_send():
            self.send()

    def may_send(self):
        return self.credit > 0 and self.offset <= len(self.data) and self.chunk > 0 and not self.is_over

    def send(self):
        self.credit -= 1
        part = self.data[self.offset:self.offset + self.chunk]
        if part:
            self.socket.send_multipart([b"post-chunk", u32(0), u64(self.offset), part], copy=True)
            self.offset += len(part)
            return
        self.socket.send_multipart([b"post-chunk", u32(LAST), u64(self.offset), b"", self.digest])
        self.offset += 1


def upload(args):
    contexts = Contexts()
    data = os.urandom(args.bytes)
    digest = hashlib.sha256(data).digest()
    poller, running = zmq.Poller(), {}
    started = ended = 0
    while ended < args.count:
        while started < args.count and len(running) < args.at_once:
            socket = contexts.dealer(args)
            running[socket] = Upload(socket, f"{args.prefix}-{started}.raw", data, digest)
            poller.register(socket, zmq.POLLIN)
            started += 1
        ready = poller.poll(SILENCE_MS)
        if not ready:
            sys.exit(f"No word from the server, {ended} uploads are confirmed")
        for socket, _ in ready:
            running[socket].receive()
            if running[socket].is_over:
                poller.unregister(socket)
                socket.close()
                del running[socket]
                ended += 1
                if ended % 1000 == 0 or ended == args.count:
                    say(f"Uploaded {ended}")


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("what", choices=["idle", "half-open", "silent", "half-frames", "heartbeats", "upload"])
    parser.add_argument("--home")
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--count", type=int, required=True)
    parser.add_argument("--bytes", type=int, default=1000)
    parser.add_argument("--at-once", type=int, default=1)
    parser.add_argument("--prefix", default="crowd")
    args = parser.parse_args()
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    actions = {"idle": idle, "half-open": half_open, "silent": silent, "half-frames": half_frames,
               "heartbeats": heartbeats, "upload": upload}
    actions[args.what](args)


if __name__ == "__main__":
    main()
