"""Sends one frame of each length to a server that sends it back, over CURVE, and compares what comes.

boxes.py PORT SERVER_KEY LENGTH...: keys as Z85. Prints how many came back as they were sent. pyzmq encrypts and decrypts
with the libzmq that it brings, so what the server's library does on its way in and on its way out is judged by another one.
"""

import random
import sys

import zmq


def main() -> None:
    port, server_key, *lengths = sys.argv[1:]
    socket = zmq.Context.instance().socket(zmq.DEALER)
    socket.curve_serverkey = server_key.encode()
    socket.curve_publickey, socket.curve_secretkey = zmq.curve_keypair()
    socket.rcvtimeo = 60_000
    socket.linger = 0
    socket.connect(f"tcp://127.0.0.1:{port}")
    noise = random.Random(1)
    for length in map(int, lengths):
        sent = noise.randbytes(length)
        socket.send(sent)
        if socket.recv() != sent:
            sys.exit(f"a frame of {length} bytes did not come back as it was sent")
    print(len(lengths))


main()
