#!/usr/bin/python3
"""Asks a dync server how its user's uploads are, with pyzmq and from section 3.8 of the protocol alone.

    reference_status.py --home DIR -p PORT SERVER

Prints one JSON object: the answer to each question, of lists all pages together. Exit status 9: broken protocol.
"""

import argparse
import json
import os
import sys

import zmq

from reference_protocol import Violation, certificate, need, number, report, text, u32

QUESTIONS = ["account", "running", "waiting", "stored", "failed", "refused"]
TIMEOUT_MS = 30000


def ask(socket, question, tag, after):
    info = {"ask": True, "tag": tag, "status": question, "_dync": "info"}
    if after is not None:
        info["after"] = after
    name = b"reference-%s.ask" % os.urandom(8).hex().encode()
    socket.send_multipart([b"post-file", u32(0), name, b"{}", json.dumps(info).encode("utf8")])
    while socket.poll(TIMEOUT_MS):
        frames = socket.recv_multipart()
        if frames[0] == b"transfer-credit":
            continue
        need(frames, 4)
        if frames[0] != b"error" or number(frames[1], 4) != 404:
            raise Violation(f"{question} is answered with {frames[0]!r}: {text(frames[2])}")
        answer = json.loads(frames[3])
        if len(frames[3]) > 4096 or answer["status"] != question or answer["tag"] != tag or answer["ask"] is not True:
            raise Violation(f"{question} is answered with {answer}")
        return answer
    raise Violation(f"{question} is not answered")


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("server")
    parser.add_argument("--home", required=True)
    parser.add_argument("-p", "--port", type=int, required=True)
    args = parser.parse_args()
    socket = zmq.Context.instance().socket(zmq.DEALER)
    socket.setsockopt(zmq.LINGER, 0)
    socket.curve_serverkey = certificate(os.path.join(args.home, "server.key"))[0]
    public, secret = certificate(os.path.join(args.home, "client.key_secret"))
    socket.curve_publickey, socket.curve_secretkey = public, secret
    socket.setsockopt(zmq.IDENTITY, b"\x80" + os.urandom(15))
    socket.connect(f"tcp://{args.server}:{args.port}")
    told, tag = {}, 0
    for question in QUESTIONS:
        rows, after = [], None
        while True:
            tag += 1
            answer = ask(socket, question, tag, after)
            rows += answer.get("rows", [])
            after = answer.get("next")
            if after is None:
                break
        told[question] = answer["account"] if question == "account" else rows
    report({"user": answer["user"], **told})


if __name__ == "__main__":
    try:
        main()
    except Violation as violation:
        print(violation, file=sys.stderr)
        sys.exit(9)
