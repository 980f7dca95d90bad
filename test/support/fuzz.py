"""Hostile peers from a seed against a running server: a stranger has no authorised key and attacks the handshake, an
insider has one and attacks what comes after it. Each attack is one connection. Which bytes it sends follows from the
seed and the number of the connection alone; how the server interleaves them does not.

Prints one JSON object at the end: how many connections were made of each kind, and of how many the server hung up first.
"""

import argparse
import collections
import json
import random
import struct
import sys
import threading
import time
import traceback

import zmq.auth
from zmq.utils import z85

from curve_peer import (COMMAND, LONG, MORE, SEALED_COMMAND, SEALED_MORE, Closed, CurvePeer, command, frame, greeting,
                        header, key_pair, sized_property)

QUERY = b"query-status"


def u32(number):
    return struct.pack(">I", number)


def u64(number):
    return struct.pack(">Q", number)


def asked(rng):
    status = rng.choice(["account", "running", "waiting", "stored", "failed", "refused", "fuzz"])
    after = rng.choice([{}, {"after": "- 0"}, {"after": "9 f"}, {"after": "fuzz" * rng.randrange(500)}])
    return rng.choice([{}, {"state": True}, {"rulesFrom": rng.randrange(5000)}, {"status": status, **after}])


def post_file(rng):
    about = rng.choice([{"size": rng.randrange(10**6)}, {"ask": True, **asked(rng)}])
    info = json.dumps({**about, "_dync": "info"}).encode()
    name = b"fuzz-%d.raw" % rng.randrange(10**12)
    frames = [b"post-file", u32(0), name, b'{"sample":"S-17"}']
    return frames + [info] if rng.random() < 0.5 else frames


def nonsense(rng):
    first = rng.choice([b"post-file", b"post-chunk", QUERY, b"error", b"", b"\0"])
    return [first] + [rng.randbytes(rng.choice([0, 4, 8, 32, 200])) for _ in range(rng.randrange(8))]


def nearly_right(rng):
    frames = rng.choice([
        post_file(rng),
        [b"post-chunk", u32(0), u64(rng.randrange(100)), rng.randbytes(50)],
        [b"post-chunk", u32(1), u64(0), b"", rng.randbytes(32)],
        [QUERY, u64(rng.randrange(10**6)), u64(rng.randrange(10**6))],
        [b"error", u32(rng.randrange(1000)), b"fuzz"],
    ])
    at = rng.randrange(len(frames))
    frames[at] = changed(rng, frames[at], 1)
    if rng.random() < 0.2:
        del frames[at]
    if rng.random() < 0.1:
        frames.append(rng.randbytes(rng.randrange(5000)))
    return frames or [b""]


def changed(rng, data, count):
    """`data` with up to `count` other bytes."""
    data = bytearray(data)
    for _ in range(count if data else 0):
        data[rng.randrange(len(data))] = rng.randrange(256)
    return bytes(data)


def cut(rng, data):
    return data[: rng.randrange(len(data))]


def strange_properties(rng, frame_max):
    identity = sized_property(b"Identity", rng.randbytes(rng.choice([0, 1, 16, 255, 256, 1000])))
    kind = sized_property(b"Socket-Type", rng.choice([b"DEALER", b"ROUTER", b"PUB", b"REQ", b"", b"XXX"]))
    return rng.choice([
        lambda: kind + identity,
        lambda: kind + kind + identity + identity,
        lambda: kind + sized_property(b"", rng.randbytes(10)),
        lambda: kind + sized_property(b"Identity", bytes(16), 0xFFFFFFFF),
        lambda: kind + sized_property(b"Identity", bytes(16), 0x7FFFFFFF),
        lambda: kind + sized_property(b"User-Id", b"somebody") + identity,
        lambda: kind + sized_property(b"X-" * 100, rng.randbytes(rng.choice([10, 3000, 60000]))),
        lambda: kind + sized_property(b"Big", bytes(frame_max - 1000)),
        lambda: rng.randbytes(rng.randrange(300)),
        lambda: b"",
    ])()


def settle(peer, rng):
    """Mostly goes when everything was sent, sometimes stays until the server says something or has had enough."""
    if rng.random() < 0.03:
        peer.heard()


# Strangers. Each takes (peer, rng, frame_max).

def noise(peer, rng, _):
    peer.raw(rng.randbytes(rng.randint(1, 500)))


def greeting_cut(peer, rng, _):
    peer.raw(cut(rng, greeting()))


def greeting_changed(peer, rng, _):
    mechanism = rng.choice([b"NULL", b"PLAIN", b"CURVE", b"GSSAPI", b"curve", b""])
    peer.raw(changed(rng, greeting(mechanism, (rng.randrange(6), rng.randrange(4))), rng.randrange(3)))
    peer.raw(frame(rng.randrange(256), rng.randbytes(rng.randrange(300))))


def old_protocol(peer, rng, _):
    """ZMTP 1 has no signature, only a length and flags; ZMTP 2 has one and a socket type."""
    one = bytes([rng.randint(1, 254), rng.randrange(256)])
    two = b"\xff" + bytes(7) + b"\1\x7f" + bytes([rng.randrange(3), rng.randrange(12)])
    peer.raw(rng.choice([one, two]) + rng.randbytes(rng.randrange(600)))


def endless_frame(peer, rng, frame_max):
    lengths = [4096, 4097, 65536, frame_max, frame_max + 4096, frame_max * 2, 2**31, 2**40]
    peer.raw(greeting() + header(rng.choice([0, 1, 2, 4, 6, 255]), rng.choice(lengths)))
    peer.raw(rng.randbytes(rng.randrange(3000)))


def negative_size(peer, rng, _):
    size = rng.choice([b"\x80" + bytes(7), b"\xff" * 8, b"\x7f" + b"\xff" * 7])
    peer.raw(greeting() + bytes([rng.choice([2, 3, 6, 7])]) + size)


def command_before_hello(peer, rng, _):
    names = [b"PING", b"PONG", b"READY", b"ERROR", b"INITIATE", b"WELCOME", b"MESSAGE", b"SUBSCRIBE", b""]
    body = command(rng.choice(names), rng.randbytes(rng.randrange(300)))
    peer.raw(greeting() + frame(rng.choice([0, 1, 4, 5]), body))


def hello_changed(peer, rng, _):
    body = changed(rng, peer.hello_body(), rng.randint(1, 4))
    peer.raw(greeting() + frame(rng.choice([4, 4, 4, 0, 1, 5]), cut(rng, body) if rng.random() < 0.3 else body))


def hello_twice(peer, rng, _):
    peer.hello()
    peer.raw(frame(COMMAND, peer.hello_body()))


def message_without_handshake(peer, rng, _):
    peer.hello()
    peer.raw(frame(rng.choice([0, 1, 4, 5]), peer.sealed(rng.randrange(256), rng.randbytes(rng.randrange(300)))))


def initiate_changed(peer, rng, _):
    peer.hello()
    body = changed(rng, peer.initiate_body(peer.properties()), rng.randint(1, 4))
    peer.raw(frame(rng.choice([4, 4, 4, 0, 1, 5]), cut(rng, body) if rng.random() < 0.3 else body))


def wrong_vouch(peer, rng, _):
    def change(plain):
        plain = changed(rng, plain[:128], 1) + plain[128:]
        return cut(rng, plain) if rng.random() < 0.2 else plain

    peer.hello()
    peer.raw(frame(COMMAND, peer.initiate_body(peer.properties(), change)))


def unknown_properties(peer, rng, frame_max):
    peer.hello()
    peer.raw(frame(COMMAND, peer.initiate_body(strange_properties(rng, frame_max))))


def unknown_key(peer, rng, _):
    peer.handshake()
    peer.message([QUERY])


def impatient(peer, rng, _):
    """All of a handshake at once, without waiting for an answer."""
    peer.raw(greeting() + frame(COMMAND, peer.hello_body()) + frame(COMMAND, rng.randbytes(257)))


STRANGERS = [noise, greeting_cut, greeting_changed, old_protocol, endless_frame, negative_size, command_before_hello,
             hello_changed, hello_twice, message_without_handshake, initiate_changed, wrong_vouch, unknown_properties,
             unknown_key, impatient]


# Insiders.

def ask(peer, rng, count):
    peer.message(post_file(rng))
    for _ in range(count):
        peer.message([QUERY])


def known_properties(peer, rng, frame_max):
    peer.hello()
    peer.raw(frame(COMMAND, peer.initiate_body(strange_properties(rng, frame_max))))
    peer.raw(frame(0, peer.sealed(0, QUERY)))


def pings(peer, rng, _):
    peer.handshake()
    for _ in range(rng.randint(1, 40)):
        peer.command(command(b"PING", rng.randbytes(rng.choice([0, 1, 2, 2, 2])), rng.randbytes(rng.randrange(300))))


def unread_pings(peer, rng, _):
    """Questions and PINGs whose answers nobody reads, then a reset: the heartbeat that met a broken connection."""
    peer.handshake()
    ask(peer, rng, rng.randint(1, 200))
    for _ in range(300):
        peer.command(command(b"PING", bytes([0, rng.choice([0, 1, 100])]), rng.randbytes(16)))
    peer.reset()


def commands(peer, rng, _):
    peer.handshake()
    names = [b"PONG", b"READY", b"ERROR", b"HELLO", b"WELCOME", b"INITIATE", b"MESSAGE", b"SUBSCRIBE", b"CANCEL", b""]
    for _ in range(rng.randint(1, 20)):
        body = command(rng.choice(names), rng.randbytes(rng.randrange(300)))
        if rng.random() < 0.3:
            body = bytes([rng.randrange(256)]) + body[1:]
        peer.command(cut(rng, body) if rng.random() < 0.2 else body)


def all_flags(peer, rng, _):
    peer.handshake()
    for _ in range(rng.randint(1, 20)):
        body = peer.sealed(rng.randrange(256), rng.randbytes(rng.randrange(200)))
        peer.raw(frame(rng.randrange(256) & ~LONG, body))


def unsealed(peer, rng, _):
    peer.handshake()
    body = rng.choice([rng.randbytes(rng.randrange(100)), command(b"MESSAGE", rng.randbytes(rng.randrange(60))), b""])
    peer.raw(frame(rng.choice([0, 1, 4, 5]), body))


def broken_seal(peer, rng, _):
    peer.handshake()
    ask(peer, rng, 3)
    peer.raw(frame(0, changed(rng, peer.sealed(0, rng.randbytes(rng.randrange(300))), 1)))


def nonces_back(peer, rng, _):
    peer.handshake()
    for value in (5, 5, 4, 2**64 - 1, 0):
        peer.raw(frame(0, peer.sealed(0, QUERY, u64(value))))


def many_frames(peer, rng, _):
    peer.handshake()
    body = bytes(rng.choice([0, 1, 100]))
    for _ in range(rng.choice([100, 5000])):
        peer.raw(frame(MORE, peer.sealed(SEALED_MORE, body)))


def no_messages(peer, rng, _):
    peer.handshake()
    for _ in range(rng.randint(1, 50)):
        peer.message(nonsense(rng))


def nearly_messages(peer, rng, _):
    peer.handshake()
    for _ in range(rng.randint(1, 50)):
        peer.message(nearly_right(rng))


def questions_and_gone(peer, rng, _):
    peer.handshake()
    ask(peer, rng, 200)
    if rng.random() < 0.5:
        peer.reset()


def empty_upload(peer, rng, _):
    peer.handshake()
    peer.message(post_file(rng))
    peer.heard()
    peer.message([b"error", u32(rng.choice([499, 503, 400])), b"x"])


def cut_frame(peer, rng, _):
    peer.handshake()
    peer.message(post_file(rng))
    peer.raw(cut(rng, frame(0, peer.sealed(0, rng.randbytes(2000)))))


def twins(peer, rng, _):
    """Its identity is every other insider's as well: each takes the route of the one before."""
    peer.identity = b"\1the same for all"[:16]
    peer.handshake()
    ask(peer, rng, rng.randint(1, 20))


INSIDERS = [known_properties, pings, unread_pings, commands, all_flags, unsealed, broken_seal, nonces_back, many_frames,
            no_messages, nearly_messages, questions_and_gone, empty_upload, cut_frame, twins]


class Run:
    def __init__(self, args):
        self.args = args
        public, secret = zmq.auth.load_certificate(f"{args.home}/client.key_secret")
        server, _ = zmq.auth.load_certificate(f"{args.home}/server.key")
        self.keys = z85.decode(public), z85.decode(secret)
        self.server_key = z85.decode(server)
        attacks = STRANGERS if args.who == "stranger" else INSIDERS
        self.attacks = [it for it in attacks if args.only in (None, it.__name__)]
        self.deadline = time.monotonic() + args.seconds
        self.lock = threading.Lock()
        self.next = 0
        self.counts = collections.Counter()
        self.hung_up = 0
        self.fault = None

    def work(self):
        while self.fault is None and time.monotonic() < self.deadline:
            with self.lock:
                number, self.next = self.next, self.next + 1
            if number >= self.args.connections:
                return
            try:
                self.attack(number)
            except Exception:  # A fault of the test itself: told at the end, with its place.
                self.fault = traceback.format_exc()

    def attack(self, number):
        rng = random.Random(f"{self.args.seed} {number}")
        attack = rng.choice(self.attacks)
        # Some of the strangers hold a key that is authorised, and break the handshake all the same.
        keys = self.keys if self.args.who == "insider" or rng.random() < 0.2 else key_pair()
        try:
            peer = CurvePeer(self.args.port, self.server_key, keys, b"\1" + rng.randbytes(15))
            attack(peer, rng, self.args.frame_max)
            settle(peer, rng)
            if rng.random() < 0.3:
                peer.reset()
            peer.finish()
        except (Closed, OSError):
            with self.lock:
                self.hung_up += 1
        with self.lock:
            self.counts[attack.__name__] += 1


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("who", choices=["stranger", "insider"])
    parser.add_argument("--home", required=True, help="folder with client.key_secret and server.key")
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--frame-max", type=int, required=True, help="largest frame that the server accepts, in bytes")
    parser.add_argument("--seed", type=int, required=True)
    parser.add_argument("--connections", type=int, default=10**9)
    parser.add_argument("--seconds", type=float, default=10**6)
    parser.add_argument("--only", help="one kind of attack, by the name of its function")
    parser.add_argument("--at-once", type=int, default=8)
    run = Run(parser.parse_args())
    threads = [threading.Thread(target=run.work) for _ in range(run.args.at_once)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if run.fault is not None:
        sys.exit(run.fault)
    print(json.dumps({"hungUp": run.hung_up, "counts": run.counts}))


main()
