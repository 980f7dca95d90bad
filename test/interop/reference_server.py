#!/usr/bin/python3
"""A server for dync clients with pyzmq, independent of dync's own code.

    reference_server.py --home DIR --data DIR [--bind ADDRESS] [--port 0] [--count N]

It stores what it confirmed as DATA/USER/NAME, beside it NAME.sha256 and NAME.meta.json, the plain way: one
ROUTER socket with CURVE, one thread, each chunk hashed and written as it arrives. The other options make it
misbehave, for tests. Chunks are numbered from 0 in the order in which they are first received.

Prints one JSON line when it listens, and one about what happened when it ends: on SIGTERM, SIGINT, or after
--count uploads that were finished.
"""

import argparse
import json
import os
import signal
import sys

import zmq
from zmq.auth.thread import ThreadAuthenticator

import exact_json
from reference_protocol import (
    DEFAULT_CHUNK, DEFAULT_QUEUE, LAST, SERVER_GARBAGE, Violation, certificate, count, error_message, need,
    number, numbers, report, text, u32, u64,
)
from reference_upload import Refused, Upload, Users


class Server:
    def __init__(self, args, socket, users):
        self.args = args
        self.socket = socket
        self.users = users
        self.uploads = {}  # (identity, user) → Upload
        self.messages = {}
        self.seen = {"chunks": 0, "bytes": 0, "ignored": 0, "dropped": 0, "reports": 0, "finished": 0}
        self.ended = []  # outcome of each upload, in order
        self.violations = []
        self.unsent_grants = args.lose_grants
        self.is_stopping = False

    def send(self, identity, frames):
        self.socket.send_multipart([identity] + frames)

    def stop(self, _signal, _frame):
        """A signal came. An exception would be lost where it strikes code that is called back from C."""
        self.is_stopping = True

    def serve(self):
        while not self.is_stopping and (self.args.count is None or self.seen["finished"] < self.args.count):
            try:
                frames = self.socket.recv_multipart(copy=False)
            except zmq.Again:
                continue
            identity = frames[0].bytes
            user = self.origin(frames[1:])
            if user is None:
                self.violations.append("Message without an authorised user")
                continue
            try:
                self.handle((identity, user), [frame.buffer for frame in frames[1:]])
            except Violation as error:
                self.violations.append(str(error))
                self.end((identity, user), 400, str(error))
            except Refused as error:
                self.end((identity, user), error.code, str(error))
            self.distribute_credit()

    def origin(self, frames):
        """The user whose key signed every frame."""
        keys = {frame.get("User-Id") for frame in frames}
        return self.users.by_key.get(keys.pop()) if len(keys) == 1 else None

    def handle(self, key, frames):
        command = bytes(frames[0])
        count(self.messages, command)
        upload = self.uploads.get(key)
        if command == b"post-file":
            self.post_file(key, frames, upload)
        elif command == b"post-chunk":
            self.post_chunk(key, frames, upload)
        elif command == b"query-status":
            self.query_status(key, upload, frames)
        elif command == b"error":
            need(frames, 3)
            if upload and not upload.finished:
                upload.abort()
                self.ended.append([number(frames[1], 4), text(frames[2])])
                del self.uploads[key]
        else:
            raise Violation(f"Unknown command {command[:40]!r}")

    def post_file(self, key, frames, upload):
        need(frames, 4)
        number(frames[1], 4)
        name = text(frames[2])
        try:
            meta = exact_json.loads(bytes(frames[3]))
        except ValueError:  # no JSON, no UTF-8, or a name twice
            meta = None
        if self.args.garbage_answer:
            self.send(key[0], SERVER_GARBAGE[self.args.garbage_answer])
            return
        if upload is None:
            upload = self.uploads[key] = self.admit(key[1], name, meta, bytes(frames[3]))
        elif (upload.name, upload.meta) != (name, meta):
            self.send(key[0], error_message(409, "This identity uploads another file"))
            return
        if upload.finished:
            self.send(key[0], [b"upload-finished", upload.id.encode("utf8")])
            return
        approval = [b"upload-approved", u32(upload.credit), u32(self.args.chunk), u32(self.args.max_credit)]
        self.send(key[0], approval + ([b'{"tags": true}'] if self.args.tags else []))
        if upload.offset > 0:
            self.report_status(key, upload)

    def admit(self, user, name, meta, meta_text):
        if not name or name != os.path.basename(name) or name.startswith(".") or "\0" in name:
            raise Refused(403, f"File name {name[:50]!r} is not allowed")
        if not isinstance(meta, exact_json.Members) or not meta:
            raise Refused(422, "Metadata has to be a JSON object with at least one member")
        final = os.path.join(self.args.data, user, name)
        taken = {upload.final for upload in self.uploads.values() if not upload.finished}
        if final in taken or os.path.exists(final):
            raise Refused(409, f"{name} exists already")
        first = 1 if self.args.credit_one_by_one else self.args.max_credit
        credit = min(first, max(0, self.args.budget - self.debt()))
        return Upload(self.args.data, user, name, (meta, meta_text), credit)

    def post_chunk(self, key, frames, upload):
        need(frames, 4)
        is_last = bool(number(frames[1], 4) & LAST)
        need(frames, 5 if is_last else 4)
        seek, data = number(frames[2], 8), frames[3]
        if upload is None:
            raise Refused(404, "Unknown upload")
        if upload.finished:
            return
        if not data and not is_last:
            raise Violation("A chunk without data that is not the last one")
        if seek != upload.offset:
            self.misplaced(key, upload, seek, seek + len(data))
            return
        if len(data) > self.args.chunk:
            raise Violation(f"A chunk of {len(data)} bytes, allowed are {self.args.chunk}")
        if upload.credit < 1:
            raise Violation(f"A chunk at {seek} without credit")
        index = upload.chunks
        if index in self.args.lose:
            self.args.lose.remove(index)
            self.seen["dropped"] += 1
            return
        if self.args.error_at and index == self.args.error_at[0]:
            raise Refused(self.args.error_at[1], "Told to fail here")
        upload.gap = None
        upload.chunks += 1
        upload.credit -= 1
        self.seen["chunks"] += 1
        self.seen["bytes"] += len(data)
        upload.write(data)
        if is_last:
            checksum = bytes(32) if self.args.bad_checksum_error else bytes(frames[4])
            upload.finish(checksum)
            self.seen["finished"] += 1
            self.ended.append([0, upload.hasher.hexdigest()])
            self.send(key[0], [b"upload-finished", upload.id.encode("utf8")])

    def misplaced(self, key, upload, seek, end):
        """A repeated chunk is ignored; one that comes too early shows that another was lost."""
        self.seen["ignored"] += 1
        if end <= upload.offset or self.args.silent_loss:
            return
        # Chunks that were under way when the first gap was reported come in rising order: one report will do.
        if upload.gap is None or seek < upload.gap:
            self.report_status(key, upload)
        upload.gap = seek

    def query_status(self, key, upload, frames):
        if upload is None:
            raise Refused(404, "Unknown upload")
        if upload.finished:
            self.send(key[0], [b"upload-finished", upload.id.encode("utf8")])
        elif not self.stalled(upload):
            if self.args.tags and number(frames[1], 8) > upload.offset:
                upload.gap = upload.offset
            self.report_status(key, upload, frames[2:3] if self.args.tags else [])

    def report_status(self, key, upload, tag=()):
        self.seen["reports"] += 1
        self.send(key[0], [b"status-report", u64(upload.offset), u32(upload.credit), *tag])

    def stalled(self, upload):
        return self.args.stall_after is not None and upload.chunks >= self.args.stall_after

    def debt(self):
        return sum(upload.credit for upload in self.uploads.values() if not upload.finished)

    def distribute_credit(self):
        """Keeps every upload between half and all of the window, within one budget for all."""
        window = self.args.max_credit
        for (identity, _), upload in self.uploads.items():
            if upload.finished or self.stalled(upload):
                continue
            if self.args.credit_one_by_one:
                amount = 1 if upload.credit == 0 else 0
            elif upload.credit < (window + 1) // 2:
                amount = min(window - upload.credit, self.args.budget - self.debt())
            else:
                continue
            if amount > 0:
                self.grant(identity, upload, amount)

    def grant(self, identity, upload, amount):
        for _ in range(2 if self.args.duplicate_grants else 1):
            upload.credit += amount
            if self.unsent_grants > 0:
                self.unsent_grants -= 1
            else:
                self.send(identity, [b"transfer-credit", u32(amount)])

    def end(self, key, code, message):
        upload = self.uploads.pop(key, None)
        if upload is not None:
            upload.abort()
        self.ended.append([code, message])
        self.send(key[0], error_message(code, message))


def arguments():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--home", default=os.environ.get("DYNC_HOME", os.path.expanduser("~/.dync")))
    parser.add_argument("--data", required=True)
    parser.add_argument("--bind", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=8889, help="0 takes a free one")
    parser.add_argument("--count", type=int, help="end after this many finished uploads")
    parser.add_argument("--chunk", type=int, default=DEFAULT_CHUNK, help="most bytes in a chunk")
    parser.add_argument("--max-credit", type=int, default=DEFAULT_QUEUE, help="chunks one upload may owe")
    parser.add_argument("--budget", type=int, default=500, help="chunks that all uploads together may owe")
    parser.add_argument("--lose", type=numbers, default=set(), metavar="N,N", help="drop chunk N once")
    parser.add_argument("--silent-loss", action="store_true", help="no status-report unless asked")
    parser.add_argument("--lose-grants", type=int, default=0, metavar="N", help="drop N transfer-credits")
    parser.add_argument("--tags", action="store_true", help="return the tags of questions")
    parser.add_argument("--duplicate-grants", action="store_true", help="each transfer-credit twice")
    parser.add_argument("--credit-one-by-one", action="store_true")
    parser.add_argument("--error-at", type=int, nargs=2, metavar=("N", "CODE"), help="fail at chunk N")
    parser.add_argument("--bad-checksum-error", action="store_true", help="report a checksum mismatch")
    parser.add_argument("--garbage-answer", choices=sorted(SERVER_GARBAGE), help="answer post-file with nonsense")
    parser.add_argument("--stall-after", type=int, metavar="N", help="say nothing more after N chunks")
    return parser.parse_args()


def main():
    args = arguments()
    context = zmq.Context.instance()
    users = Users(os.path.join(args.home, "clients"))
    authenticator = ThreadAuthenticator(context)
    authenticator.start()
    authenticator.configure_curve_callback(domain="dync", credentials_provider=users)
    socket = context.socket(zmq.ROUTER)
    socket.curve_publickey, socket.curve_secretkey = certificate(os.path.join(args.home, "server.key_secret"))
    socket.curve_server = True
    socket.set(zmq.ZAP_DOMAIN, b"dync")
    socket.set(zmq.ROUTER_HANDOVER, 1)
    socket.set(zmq.LINGER, 1000)
    socket.set(zmq.RCVTIMEO, 200)
    socket.bind(f"tcp://{args.bind}:{args.port or '*'}")
    port = int(socket.get(zmq.LAST_ENDPOINT).decode().rsplit(":", 1)[1].rstrip("\0"))
    server = Server(args, socket, users)
    for number_of_signal in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number_of_signal, server.stop)
    report({"message": "Listening", "port": port})
    server.serve()
    for key, upload in server.uploads.items():
        if not upload.finished:
            server.send(key[0], error_message(503, "Server shutdown"))
            upload.abort()
    report({"seen": server.seen, "messages": server.messages, "ended": server.ended,
            "violations": server.violations})
    socket.close()
    authenticator.stop()
    context.term()
    return 0


if __name__ == "__main__":
    sys.exit(main())
