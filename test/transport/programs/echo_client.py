"""The client program of these tests, written with pyzmq: same arguments, same line of JSON."""

import hashlib
import json
import os
import sys

import zmq

port, server_key, secret_key, count, size = sys.argv[1:]
socket = zmq.Context.instance().socket(zmq.DEALER)
socket.identity = b"\x07" + os.urandom(15)
socket.curve_serverkey = server_key.encode()
socket.curve_secretkey = secret_key.encode()
socket.curve_publickey = zmq.curve_public(secret_key.encode())
socket.linger = 0
socket.rcvtimeo = 10_000
socket.connect(f"tcp://127.0.0.1:{port}")

hashes = []
for number in range(int(count)):
    socket.send_multipart([b"echo", bytes([number + 1]) * int(size)])
    hashes += [hashlib.sha256(frame).hexdigest() for frame in socket.recv_multipart()]
print(json.dumps({"result": "done", "answers": int(count), "hashes": hashes, "held": 0}))
