#!/usr/bin/python3
"""A ROUTER with CURVE that takes uploads and keeps nothing of them: no hash, no file, no record, no check of who sends.

    keep-nothing.py --home DIR

What is left is what libzmq, the handshake of each connection and the client take: the bound for small uploads. Prints
"Listening PORT" when it listens, and stays until it is killed.
"""

import argparse
import os
import sys

import zmq

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "../test/interop"))
from reference_protocol import LAST, certificate, number, u32  # noqa: E402

CHUNK = 2 * 1024 * 1024
CREDIT = 3


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--home", required=True)
    args = parser.parse_args()
    socket = zmq.Context().socket(zmq.ROUTER)
    public, secret = certificate(os.path.join(args.home, "server.key_secret"))
    socket.curve_server, socket.curve_publickey, socket.curve_secretkey = True, public, secret
    socket.set(zmq.LINGER, 0)
    # As our own server has it: more connections come at once than a backlog of 100 holds.
    socket.set(zmq.BACKLOG, 1024)
    port = socket.bind_to_random_port("tcp://127.0.0.1")
    sys.stdout.write(f"Listening {port}\n")
    sys.stdout.flush()
    while True:
        frames = socket.recv_multipart()
        if frames[1] == b"post-file":
            socket.send_multipart([frames[0], b"upload-approved", u32(CREDIT), u32(CHUNK), u32(CREDIT)])
        elif frames[1] == b"post-chunk":
            if number(frames[2], 4) & LAST:
                socket.send_multipart([frames[0], b"upload-finished", b"0" * 32])
        else:
            sys.exit(f"The client said {frames[1][:40]!r}")


main()
