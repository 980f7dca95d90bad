#!/usr/bin/python3
"""Provokes lines in a server's log, with pyzmq: what one key, or many that nobody knows, can make it write.

    flood.py malformed --home DIR --port N --count N   send COUNT messages that are none
    flood.py refused --home DIR --port N --count N     knock with COUNT keys that are not authorised, each new
    flood.py wide --home DIR --port N                  send 240 KB of metadata of which every name is wrong

Each ends with status 0 when the server has taken all of them.
"""

import argparse
import os
import sys

import zmq

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "../interop"))
from reference_protocol import certificate, u32  # noqa: E402

ANSWER_MS = 60_000
AT_ONCE = 100
BURST = 1000


def server_key(args):
    return certificate(os.path.join(args.home, "server.key"))[0]


def dealer(args):
    socket = zmq.Context.instance().socket(zmq.DEALER)
    socket.curve_publickey, socket.curve_secretkey = certificate(os.path.join(args.home, "client.key_secret"))
    socket.curve_serverkey = server_key(args)
    socket.set(zmq.LINGER, 0)
    socket.set(zmq.SNDHWM, 0)
    socket.set(zmq.RCVHWM, 0)
    socket.connect(f"tcp://127.0.0.1:{args.port}")
    return socket


def malformed(args):
    socket = dealer(args)
    sent = 0
    while sent < args.count:
        for _ in range(min(BURST, args.count - sent)):
            socket.send_multipart([b"post-chunk", b"x" * (sent % 900)])
            sent += 1
        # No faster than the server takes them: each burst ends with a question that it answers in turn.
        while socket.poll(0):
            socket.recv_multipart()
    socket.send_multipart([b"query-status", b"\0" * 8, b"\0" * 7 + b"\7"])
    while True:
        if not socket.poll(ANSWER_MS):
            sys.exit("No answer from the server")
        if b"No such upload" in b"".join(socket.recv_multipart()):
            return


def wide(args):
    socket = dealer(args)
    names = ['"' + "\\u0001" * 100 + str(index) + '":1' for index in range(200)]
    metadata = "{" + ",".join(names + names) + "}"
    socket.send_multipart([b"post-file", u32(0), b"wide.raw", metadata.encode()])
    if not socket.poll(ANSWER_MS):
        sys.exit("No answer from the server")
    if socket.recv_multipart()[0] != b"error":
        sys.exit("The server took it")


def refused(args):
    key = server_key(args)
    knocked = 0
    while knocked < args.count:
        context = zmq.Context()
        group = []
        for _ in range(min(AT_ONCE, args.count - knocked)):
            socket = context.socket(zmq.DEALER)
            socket.curve_publickey, socket.curve_secretkey = zmq.curve_keypair()
            socket.curve_serverkey = key
            socket.set(zmq.LINGER, 0)
            monitor = socket.get_monitor_socket(zmq.EVENT_HANDSHAKE_FAILED_AUTH)
            socket.connect(f"tcp://127.0.0.1:{args.port}")
            group.append((socket, monitor))
            knocked += 1
        for socket, monitor in group:
            if not monitor.poll(ANSWER_MS):
                sys.exit("A key was not refused")
            socket.disable_monitor()
        context.destroy(linger=0)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("mode", choices=["malformed", "refused", "wide"])
    parser.add_argument("--home", required=True)
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--count", type=int, default=1)
    args = parser.parse_args()
    {"malformed": malformed, "refused": refused, "wide": wide}[args.mode](args)


main()
