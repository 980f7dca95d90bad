#!/usr/bin/python3
"""A client for dync servers with pyzmq, independent of dync's own code.

    reference_client.py --home DIR [--port N] [--meta FILE] [-n NAME] SERVER FILE

It sends FILE the plain way: one DEALER socket with CURVE, chunks copied into messages while there is credit,
an empty last chunk with the SHA-256 of everything. The other options make it misbehave, for tests.
Chunks are numbered from 0 by their place in the file. Prints one JSON line about what happened.
Exit status: 0 confirmed; 1 error from the server; 2 usage; 5 no answer; 8 error 460; 9 broken protocol.
"""

import argparse
import json
import os
import signal
import sys
import uuid

import zmq

from reference_protocol import (
    CLIENT_GARBAGE, LAST, RemoteError, Violation, certificate, count,
    error_message, need, number, numbers, report, text, u32, u64,
)
from reference_source import Source


class TimedOut(Exception):
    """The server did not answer, however often asked."""


class Client:
    def __init__(self, args, socket, file):
        self.args = args
        self.socket = socket
        self.file = file
        self.source = None
        self.credit = 0
        self.done_sending = False
        self.messages = {}
        self.reports = []
        self.sent = {"chunks": 0, "resent": 0, "bytes": 0, "lost": 0, "queries": 0}
        self.highest = -1
        self.tags = []
        self.tags_back = 0

    def send(self, frames):
        self.socket.send_multipart(frames + self.extra_frames())

    def extra_frames(self):
        return [b'{"unknown": true}', b"and another"] if self.args.extra_frames else []

    def receive(self, again):
        """The next message. Calls `again` after each time-out, to ask once more."""
        for attempt in range(self.args.retries + 1):
            if attempt:
                again()
            if self.socket.poll(self.args.timeout_ms):
                return self.decode(self.socket.recv_multipart())
        raise TimedOut(f"No answer after {self.args.retries} retries")

    def answer(self, again):
        """The next message that says something: transfer-credit(0) only means that the server is there."""
        while (message := self.receive(again)) == ("transfer-credit", 0):
            pass
        return message

    def decode(self, frames):
        command = frames[0]
        count(self.messages, command)
        if command == b"error":
            need(frames, 3)
            return "error", number(frames[1], 4), text(frames[2])
        if command == b"upload-approved":
            need(frames, 4)
            return ("upload-approved", *(number(frame, 4) for frame in frames[1:4]))
        if command == b"transfer-credit":
            need(frames, 2)
            return "transfer-credit", number(frames[1], 4)
        if command == b"status-report":
            need(frames, 3)
            if len(frames) > 3 and frames[3] not in self.tags:
                raise Violation("A tag that belongs to no question")
            self.tags_back += len(frames) > 3
            return "status-report", number(frames[1], 8), number(frames[2], 4)
        if command == b"upload-finished":
            need(frames, 2)
            if len(frames) > 2:
                raise Violation("a receipt that nobody asked for")
            return "upload-finished", text(frames[1])
        raise Violation(f"Unknown command {command[:40]!r}")

    def query(self):
        self.sent["queries"] += 1
        if not self.args.tags or self.source is None:
            self.send([b"query-status"])
            return
        self.tags.append(u64(1000 + len(self.tags)))
        self.send([b"query-status", u64(self.source.position), self.tags[-1]])

    def post_file(self):
        meta = b"{}"
        if self.args.meta:
            with open(self.args.meta, "rb") as meta_file:
                meta = meta_file.read()
        name = self.args.name or os.path.basename(self.args.file)
        frames = [b"post-file", u32(0), os.fsencode(name), meta]
        if self.args.announce is not None:
            frames.append(json.dumps({"size": self.args.announce, "client": "reference"}).encode("utf8"))
        self.send(frames)

    def begin(self):
        """Until the upload is approved. Returns its id if it is finished already."""
        if self.args.query_before:
            self.query()
            message = self.answer(self.query)
            if message[0] == "upload-finished":
                return message[1]
            if message[0] == "error" and message[1] != 404:
                raise RemoteError(*message[1:])
        for _ in range(2 if self.args.post_twice else 1):
            self.post_file()
        # What comes before the approval answers what an earlier connection under this identity sent, or a question that was asked
        # again because its answer took long.
        earlier = ("transfer-credit", "status-report")
        while (message := self.receive(self.post_file))[0] in earlier or (
            self.args.query_before and message[:2] == ("error", 404)
        ):
            pass
        if message[0] in ("error", "upload-finished"):
            return self.handle(message)
        if message[0] != "upload-approved":
            raise Violation(f"{message[0]} in answer to post-file")
        _, self.credit, chunk, queue = message
        chunk = min(chunk, self.args.chunk or chunk)
        self.source = Source(self.file, chunk + 1 if self.args.oversized_chunk else chunk, queue)
        # What an earlier run sent is named by a status-report that follows the approval at once.
        if self.args.resume and self.socket.poll(self.args.timeout_ms):
            self.handle(self.decode(self.socket.recv_multipart()))
        return None

    def serve(self):
        upload_id = self.begin()
        if upload_id is not None:
            return upload_id
        for kind in self.args.garbage:
            self.send(CLIENT_GARBAGE[kind])
        beyond = self.args.beyond_credit
        while True:
            while not self.done_sending and (self.credit > 0 or beyond > 0):
                if self.credit > 0:
                    self.credit -= 1
                else:
                    beyond -= 1
                self.send_chunk()
                if self.done_sending and self.args.tags:
                    self.query()
            upload_id = self.handle(self.receive(self.query))
            if upload_id is not None:
                return upload_id

    def handle(self, message):
        """Applies one message. Returns the upload's id when it is finished."""
        if message[0] == "upload-finished":
            return message[1]
        if message[0] == "error":
            raise RemoteError(*message[1:])
        if message[0] == "transfer-credit":
            self.credit += message[1]
        elif message[0] == "status-report":
            self.reports.append(message[1:])
            if message[1] > self.source.read_to and not self.args.resume:
                raise Violation(f"The server wants {message[1]}, which was never sent")
            self.source.go_to(message[1])
            self.credit = message[2]
            self.done_sending = False
        return None

    def send_chunk(self):
        seek, data = self.source.next_chunk()
        is_last = not data
        if self.args.last_with_data:
            is_last = seek + len(data) == os.fstat(self.file.fileno()).st_size
        self.done_sending = is_last
        index = -(-seek // self.source.chunk)
        if index in self.args.lose:
            self.args.lose.remove(index)
            self.sent["lost"] += 1
            self.highest = max(self.highest, index)
            return
        frames = [b"post-chunk", u32(LAST if is_last else 0), u64(seek), data]
        if is_last:
            checksum = self.source.hasher.digest()
            frames.append(bytes(32) if self.args.wrong_checksum else checksum)
        self.send(frames)
        self.sent["chunks"] += 1
        self.sent["bytes"] += len(data)
        if index <= self.highest:
            self.sent["resent"] += 1
        self.highest = max(self.highest, index)
        if index in self.args.repeat:
            self.args.repeat.remove(index)
            self.credit -= 1
            self.sent["resent"] += 1
            self.send(frames)
        if self.args.kill_after is not None and self.sent["chunks"] >= self.args.kill_after:
            os.kill(os.getpid(), signal.SIGKILL)


def arguments():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("server")
    parser.add_argument("file")
    parser.add_argument("--home", default=os.environ.get("DYNC_HOME", os.path.expanduser("~/.dync")))
    parser.add_argument("--server-key", help="the server's certificate, if not the one in --home")
    parser.add_argument("-p", "--port", type=int, default=8889)
    parser.add_argument("-n", "--name")
    parser.add_argument("-m", "--meta", metavar="FILE", help="JSON object, sent as it is; without it an empty one is sent")
    parser.add_argument("--identity", metavar="HEX", help="socket identity, 16 random bytes without it")
    parser.add_argument("--chunk", type=int, help="bytes in a chunk, at most what the server allows")
    parser.add_argument("--timeout-ms", type=int, default=30000, help="silence before query-status")
    parser.add_argument("--retries", type=int, default=10)
    parser.add_argument("--query-before", action="store_true", help="query-status before post-file")
    parser.add_argument("--resume", action="store_true", help="go on where an earlier run stopped (--identity)")
    parser.add_argument("--announce", type=int, metavar="BYTES", help="tell the server this size beforehand")
    parser.add_argument("--lose", type=numbers, default=set(), metavar="N,N", help="do not send chunk N once")
    parser.add_argument("--repeat", type=numbers, default=set(), metavar="N,N", help="send chunk N twice")
    parser.add_argument("--wrong-checksum", action="store_true")
    parser.add_argument("--beyond-credit", type=int, default=0, metavar="N", help="send N chunks too many")
    parser.add_argument("--oversized-chunk", action="store_true", help="chunks one byte longer than allowed")
    parser.add_argument("--last-with-data", action="store_true", help="the last chunk is not empty")
    parser.add_argument("--garbage", action="append", default=[], choices=sorted(CLIENT_GARBAGE))
    parser.add_argument("--post-twice", action="store_true", help="send post-file twice")
    parser.add_argument("--kill-after", type=int, metavar="N", help="SIGKILL itself after N chunks")
    parser.add_argument("--tags", action="store_true", help="ask with position and tag, also behind the last chunk")
    parser.add_argument("--extra-frames", action="store_true", help="two more frames in every message")
    return parser.parse_args()


def connect(args):
    socket = zmq.Context.instance().socket(zmq.DEALER)
    public, secret = certificate(os.path.join(args.home, "client.key_secret"))
    socket.curve_publickey, socket.curve_secretkey = public, secret
    socket.curve_serverkey, _ = certificate(args.server_key or os.path.join(args.home, "server.key"))
    identity = bytes.fromhex(args.identity) if args.identity else uuid.uuid4().bytes
    socket.set(zmq.IDENTITY, identity)
    socket.set(zmq.LINGER, 1000)
    socket.connect(f"tcp://{args.server}:{args.port}")
    return socket, identity


def main():
    args = arguments()
    socket, identity = connect(args)
    status, result = 0, {"identity": identity.hex()}
    with open(args.file, "rb") as file:
        client = Client(args, socket, file)
        try:
            result.update(outcome="finished", uploadId=client.serve())
            result["sha256"] = client.source.hasher.hexdigest() if client.source else None
        except RemoteError as error:
            status = 8 if error.code == 460 else 1
            result.update(outcome="error", code=error.code, text=error.text)
        except TimedOut as error:
            status = 5
            client.send(error_message(408, "Gave up waiting"))
            result.update(outcome="timed-out", text=str(error))
        except Violation as error:
            status = 9
            client.send(error_message(400, str(error)))
            result.update(outcome="violation", text=str(error))
        except KeyboardInterrupt:
            status = 130
            client.send(error_message(499, "Cancelled"))
            result.update(outcome="cancelled")
    result.update(sent=client.sent, messages=client.messages, reports=client.reports[:100])
    result["tagsBack"] = client.tags_back
    report(result)
    socket.close()
    zmq.Context.instance().term()
    return status


if __name__ == "__main__":
    sys.exit(main())
