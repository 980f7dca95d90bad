"""A CURVE client that can say anything: ZMTP 3.1 (rfc.zeromq.org/spec/37) and CURVE (spec/26) by hand over a plain
socket, so that tests can send what libzmq never would: half a greeting, commands of every length, flags that do not
exist. Its cryptography is the system's libsodium, which Debian's python3-zmq brings; nothing of libzmq or of this
project is used, so that it judges both."""

import ctypes
import os
import socket
import struct

MORE, LONG, COMMAND = 1, 2, 4  # bits of a frame's first byte
SEALED_MORE, SEALED_COMMAND = 1, 2  # bits of the first byte inside a sealed message, as libzmq writes them

_sodium = ctypes.CDLL("libsodium.so.23")
_MAC_BYTES = 16


class Closed(Exception):
    """The server hung up, or said nothing for too long."""


def key_pair():
    """A new (public key, secret key), 32 bytes each."""
    public, secret = ctypes.create_string_buffer(32), ctypes.create_string_buffer(32)
    _sodium.crypto_box_keypair(public, secret)
    return public.raw, secret.raw


def box(plain, nonce, public, secret):
    """crypto_box (X25519, XSalsa20, Poly1305): 16 bytes longer than `plain`."""
    sealed = ctypes.create_string_buffer(len(plain) + _MAC_BYTES)
    size = ctypes.c_ulonglong(len(plain))
    if _sodium.crypto_box_easy(sealed, bytes(plain), size, nonce, public, secret) != 0:
        raise ValueError("crypto_box failed")
    return sealed.raw


def open_box(sealed, nonce, public, secret):
    plain = ctypes.create_string_buffer(max(1, len(sealed) - _MAC_BYTES))
    size = ctypes.c_ulonglong(len(sealed))
    if _sodium.crypto_box_open_easy(plain, bytes(sealed), size, nonce, public, secret) != 0:
        raise ValueError("a box of the server cannot be opened")
    return plain.raw[: len(sealed) - _MAC_BYTES]


def greeting(mechanism=b"CURVE", version=(3, 1)):
    """The 64 bytes with which a connection begins."""
    return b"\xff" + bytes(8) + b"\x7f" + bytes(version) + mechanism.ljust(20, b"\0") + bytes(32)


def header(flags, length):
    """The header of a frame: announces `length` bytes, which need not come."""
    if length <= 255 and not flags & LONG:
        return bytes([flags, length])
    return struct.pack(">BQ", flags | LONG, length)


def frame(flags, body):
    return header(flags, len(body)) + body


def command(name, *data):
    """The body of a command: its name with its length before it, then `data`."""
    return bytes([len(name)]) + name + b"".join(data)


def sized_property(name, value, announced=None):
    """A property of INITIATE, with a length that is the value's unless told otherwise."""
    length = len(value) if announced is None else announced
    return bytes([len(name) & 255]) + name + struct.pack(">I", length) + value


class CurvePeer:
    """One connection. `keys` is (public, secret) of the client, `server_key` the server's public key (32 bytes)."""

    def __init__(self, port, server_key, keys, identity, patience=12.0):
        self.server_key, self.keys, self.identity = server_key, keys, identity
        self.public, self.secret = key_pair()
        self.server_short = self.cookie = b""
        self.nonce = 0
        self.socket = socket.create_connection(("127.0.0.1", port), timeout=patience)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def raw(self, data):
        """Sends these bytes as they are. Raises Closed when the server hung up or does not read."""
        try:
            self.socket.sendall(data)
        except OSError as error:
            raise Closed(str(error)) from error

    def take(self, length):
        data = b""
        while len(data) < length:
            try:
                part = self.socket.recv(length - len(data))
            except OSError as error:
                raise Closed(str(error)) from error
            if not part:
                raise Closed("end of stream")
            data += part
        return data

    def take_frame(self):
        """The next frame's (flags, body)."""
        flags, length = self.take(2)
        if flags & LONG:
            length = struct.unpack(">Q", bytes([length]) + self.take(7))[0]
        return flags, self.take(length)

    def next_nonce(self):
        self.nonce += 1
        return struct.pack(">Q", self.nonce)

    def hello_body(self):
        short = self.next_nonce()
        signature = box(bytes(64), b"CurveZMQHELLO---" + short, self.server_key, self.secret)
        return command(b"HELLO", b"\1\0", bytes(72), self.public, short, signature)

    def hello(self):
        """Greeting and HELLO; keeps what WELCOME says."""
        self.raw(greeting() + frame(COMMAND, self.hello_body()))
        self.take(64)
        _, welcome = self.take_frame()
        if welcome[:8] != b"\7WELCOME":
            raise Closed("no WELCOME")
        plain = open_box(welcome[24:], b"WELCOME-" + welcome[8:24], self.server_key, self.secret)
        self.server_short, self.cookie = plain[:32], plain[32:]

    def initiate_body(self, properties, change=lambda plain: plain):
        """INITIATE with these properties, after `hello`. `change` changes what is sealed."""
        public, secret = self.keys
        random = os.urandom(16)
        vouch = box(self.public + self.server_key, b"VOUCH---" + random, self.server_short, secret)
        short = self.next_nonce()
        content = change(public + random + vouch + properties)
        sealed = box(content, b"CurveZMQINITIATE" + short, self.server_short, self.secret)
        return command(b"INITIATE", self.cookie, short, sealed)

    def properties(self):
        """Those of an honest client."""
        return sized_property(b"Socket-Type", b"DEALER") + sized_property(b"Identity", self.identity)

    def handshake(self):
        """The whole handshake as an honest client does it. Raises Closed unless the server says READY."""
        self.hello()
        self.raw(frame(COMMAND, self.initiate_body(self.properties())))
        _, answer = self.take_frame()
        if answer[:6] != b"\5READY":
            raise Closed("refused")

    def sealed(self, flags, payload, short=None):
        """The body of a MESSAGE that seals `flags` (one byte) and `payload`; with the next nonce unless `short` is given."""
        short = short or self.next_nonce()
        plain = bytes([flags]) + bytes(payload)
        return command(b"MESSAGE", short, box(plain, b"CurveZMQMESSAGEC" + short, self.server_short, self.secret))

    def message(self, frames):
        """A message of several frames, as libzmq sends it."""
        last = len(frames) - 1
        parts = [frame(MORE if i < last else 0, self.sealed(SEALED_MORE if i < last else 0, it)) for i, it in enumerate(frames)]
        self.raw(b"".join(parts))

    def command(self, body):
        """A ZMTP command, sealed, as libzmq sends PING."""
        self.raw(frame(COMMAND, self.sealed(SEALED_COMMAND, body)))

    def heard(self):
        """Waits until the server said something more."""
        self.take(1)

    def reset(self):
        """Hangs up with a reset: what the server has not read yet is lost to it."""
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.socket.close()

    def finish(self):
        """Hangs up when everything was sent, and waits until the server has let go."""
        try:
            self.socket.shutdown(socket.SHUT_WR)
            while self.socket.recv(65536):
                pass
        except OSError:
            pass
        self.socket.close()
