#!/usr/bin/python3
"""Random JSON documents as metadata: makes them, sends them with pyzmq, and checks what was stored.

    documents.py make SEED COUNT FOLDER          writes FOLDER/0.json, 1.json, …: the same ones for the same seed
    documents.py send HOME PORT FOLDER PREFIX    sends an empty file PREFIX-N for each, the document as it is
    documents.py check FOLDER STORED PREFIX      compares each with STORED/PREFIX-N.meta.json

Independent of dync's own code: the checker reads numbers as texts and members as pairs. Prints one line; ends with 1 when
anything differs.
"""

import hashlib
import os
import random
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "../interop"))

import exact_json

DEPTH_MAX = 64
BYTES_MAX = 256 * 1024
ODD_NAMES = [
    "", "0", "1", "2", "10", "9007199254740993", "4294967294", "-1", "01", "1.0", "__proto__", "constructor", "toString",
    "hasOwnProperty", "length", "_dync ", "a b", 'quote"', "back\\slash", "tab\t", "nul\0", "line\u2028", "ä", "a\u0308",
    "漢字", "🧬", "\ud800", "\udfff", "\ufeff", "x" * 300,
]
ODD_TEXTS = ODD_NAMES + ["true", "null", "{}", "[1]", "</script>", "\u007f", "\r\n", "e" * 3000]


class Maker:
    def __init__(self, seed):
        self.random = random.Random(seed)

    def document(self):
        chance = self.random.random()
        if chance < 0.03:
            levels = self.random.randint(40, DEPTH_MAX - 1)
            opener, closer = self.random.choice([("[", "]"), ('{"a":', "}")])
            return '{"deep":' + opener * levels + self.number() + closer * levels + "}"
        if chance < 0.05:
            return self.object(3, self.random.randint(500, 2000))
        return self.object(self.random.randint(1, 6), self.random.randint(1, 12))

    def object(self, depth, count):
        names = []
        while len(names) < count:
            name = self.random.choice(ODD_NAMES) if self.random.random() < 0.5 else self.word()
            if name not in names and name != "_dync":
                names.append(name)
        members = [self.string(name) + self.space() + ":" + self.space() + self.value(depth - 1) for name in names]
        return "{" + self.space() + (self.space() + "," + self.space()).join(members) + self.space() + "}"

    def value(self, depth):
        kind = self.random.randrange(9 if depth > 0 else 6)
        if kind < 3:
            return self.number()
        if kind < 5:
            return self.string(self.random.choice(ODD_TEXTS) if self.random.random() < 0.4 else self.word())
        if kind == 5:
            return self.random.choice(["true", "false", "null"])
        if kind == 6:
            items = [self.value(depth - 1) for _ in range(self.random.randint(0, 5))]
            return "[" + self.space() + ("," + self.space()).join(items) + "]"
        return self.object(depth, self.random.randint(0, 5))

    def number(self):
        digits = self.random.choice([1, 2, 5, 15, 16, 17, 19, 20, 40, 400])
        whole = self.random.choice(["0", str(self.random.randint(1, 10**digits)), "9" * digits, "1" + "0" * digits])
        sign = self.random.choice(["", "", "-"])
        fraction = self.random.choice(["", "", ".0", ".10", f".{self.random.randint(0, 10**digits):0{digits}}", ".00"])
        exponents = ["", "", "", "e0", "E+00", f"e{self.random.randint(-400, 400)}", "E-7", "e999999999999999999999"]
        return sign + whole + fraction + self.random.choice(exponents)

    def word(self):
        letters = [chr(self.random.choice([self.random.randint(32, 126), self.random.randint(160, 0xD7FF),
                                           self.random.randint(0x10000, 0x1FFFF)])) for _ in range(self.random.randint(0, 9))]
        return "".join(letters)

    def string(self, text):
        return '"' + "".join(self.character(character) for character in text) + '"'

    def character(self, character):
        code = ord(character)
        must = code < 32 or character in '"\\' or 0xD800 <= code <= 0xDFFF
        if not must and self.random.random() > 0.05:
            return character
        if code > 0xFFFF:
            code -= 0x10000
            return f"\\u{0xD800 + (code >> 10):04x}\\u{0xDC00 + (code & 0x3FF):04X}"
        short = {'"': '\\"', "\\": "\\\\", "\t": "\\t", "\n": "\\n", "\r": "\\r", "/": "\\/"}.get(character)
        return short if short and self.random.random() < 0.5 else f"\\u{code:04x}"

    def space(self):
        return self.random.choice(["", "", "", " ", "\n", "\r\n\t", "    "])


def make(seed, count, folder):
    maker = Maker(int(seed))
    made = 0
    while made < int(count):
        document = maker.document().encode("utf8")
        if len(document) > BYTES_MAX:
            continue
        with open(os.path.join(folder, f"{made}.json"), "wb") as file:
            file.write(document)
        made += 1
    return f"{made} made"


def documents(folder):
    for number in range(len(os.listdir(folder))):
        with open(os.path.join(folder, f"{number}.json"), "rb") as file:
            yield number, file.read()


def send(home, port, folder, prefix):
    import zmq
    from reference_protocol import LAST, certificate, u32, u64

    server_key, _ = certificate(os.path.join(home, "server.key"))
    public_key, secret_key = certificate(os.path.join(home, "client.key_secret"))
    context = zmq.Context()
    sent = 0
    for number, document in documents(folder):
        socket = context.socket(zmq.DEALER)
        socket.curve_serverkey, socket.curve_publickey, socket.curve_secretkey = server_key, public_key, secret_key
        socket.identity = b"\x80" + os.urandom(15)
        socket.rcvtimeo = 30_000
        socket.connect(f"tcp://127.0.0.1:{port}")
        socket.send_multipart([b"post-file", u32(0), f"{prefix}-{number}".encode(), document])
        expect(socket, number, b"upload-approved")
        socket.send_multipart([b"post-chunk", u32(LAST), u64(0), b"", hashlib.sha256(b"").digest()])
        expect(socket, number, b"upload-finished")
        socket.close()
        sent += 1
    return f"{sent} sent"


def expect(socket, number, command):
    while (frames := socket.recv_multipart())[0] != command:
        if frames[0] != b"transfer-credit":
            raise SystemExit(f"document {number}: wanted {command}, got {frames}")


def check(folder, stored, prefix):
    equal = 0
    for number, document in documents(folder):
        with open(os.path.join(stored, f"{prefix}-{number}.meta.json"), "rb") as file:
            found = exact_json.loads(file.read())
        if [name for name, _ in found[-1:]] == ["_dync"]:
            found.pop()
        if found != exact_json.loads(document):
            raise SystemExit(f"document {number} differs: {document[:2000]!r}")
        equal += 1
    return f"{equal} equal"


if __name__ == "__main__":
    print({"make": make, "send": send, "check": check}[sys.argv[1]](*sys.argv[2:]))
