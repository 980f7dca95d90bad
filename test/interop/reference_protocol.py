"""What both reference programs share: the frames of the protocol, certificates, and the counts they report.

Written from the text of the protocol (doc/protocol.md), not from dync's own code, so that an error in one
is not repeated in the other. Used only by reference_client.py and reference_server.py.
"""

import json
import os
import re
import sys

import zmq.auth

DEFAULT_CHUNK = 120 * 1024
DEFAULT_QUEUE = 200
LAST = 1  # least significant bit of the flags of post-chunk


class Violation(Exception):
    """The peer said something that the protocol does not allow."""


class RemoteError(Exception):
    """The peer sent an `error` message."""

    def __init__(self, code, text):
        super().__init__(f"{code} {text}")
        self.code = code
        self.text = text


def u32(number):
    return number.to_bytes(4, "big")


def u64(number):
    return number.to_bytes(8, "big")


def need(frames, count):
    """Frames of a message, the command included; more than needed are ignored."""
    if len(frames) < count:
        raise Violation(f"{bytes(frames[0])[:20]!r} needs {count} frames, got {len(frames)}")


def number(frame, width):
    if len(frame) != width:
        raise Violation(f"An integer of {len(frame)} bytes, want {width}")
    return int.from_bytes(frame, "big")


def text(frame):
    try:
        return bytes(frame).decode("utf8")
    except UnicodeDecodeError as error:
        raise Violation("Text is not UTF-8") from error


# What the programs say when they are told to talk nonsense.
CLIENT_GARBAGE = {
    "unknown-command": [b"fly-me-to-the-moon"],
    "empty": [b""],
    "few-frames": [b"post-chunk", u32(0)],
    "short-number": [b"post-chunk", b"\0", u64(0), b"data"],
    "bad-utf8": [b"post-file", u32(0), b"\xff\xfe", b"{}"],
    "bad-json": [b"post-file", u32(0), b"name", b"{"],
    "random": [os.urandom(1000)],
}

SERVER_GARBAGE = {
    "unknown-command": [b"fly-me-to-the-moon"],
    "empty": [b""],
    "few-frames": [b"upload-approved", u32(1)],
    "short-number": [b"upload-approved", b"\0", u32(1), u32(1)],
    "bad-utf8": [b"error", u32(500), b"\xff\xfe"],
    "absurd-rewind": [b"status-report", u64(2**60), u32(1)],
    "endless-credit": [b"upload-approved", u32(2**32 - 1), u32(2**32 - 1), u32(2**32 - 1)],
}


def error_message(code, message):
    return [b"error", u32(code), message.encode("utf8")]


def certificate(path):
    """Public and secret key (or None) of a ZeroMQ certificate file."""
    return zmq.auth.load_certificate(path)


def clients_by_key(folder):
    """Public key in Z85 → user, for every certificate in a folder.

    The user is `user_id` of the certificate's metadata, or else the file's name without `.key`.
    """
    clients = {}
    for name in sorted(os.listdir(folder)):
        if not name.endswith(".key"):
            continue
        path = os.path.join(folder, name)
        with open(path, encoding="utf8") as file:
            found = re.search(r'^\s*(?:user_id|user-id)\s*=\s*"([^"]*)"', file.read(), re.MULTILINE)
        public, _ = certificate(path)
        clients[public.decode("ascii")] = found.group(1) if found else name[: -len(".key")]
    return clients


def numbers(argument):
    """`3,7` on a command line."""
    return {int(part) for part in argument.split(",") if part}


def count(messages, command):
    name = bytes(command)[:40].decode("ascii", "replace")
    messages[name] = messages.get(name, 0) + 1


def report(result):
    """One JSON line on stdout: the last thing each program says."""
    sys.stdout.write(json.dumps(result) + "\n")
    sys.stdout.flush()
