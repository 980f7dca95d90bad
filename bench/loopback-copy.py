"""Copies a file through TCP on loopback with as little as a program can do: one buffer on each side, nothing
but system calls. Started by bound.ts.

    loopback-copy.py receive FILE      prints "listening on PORT", takes one connection
    loopback-copy.py send FILE PORT
"""

import socket
import sys

BUFFER = 256 * 1024


def receive(path):
    with socket.create_server(("127.0.0.1", 0)) as server:
        print(f"listening on {server.getsockname()[1]}", flush=True)
        connection, _ = server.accept()
    buffer = memoryview(bytearray(BUFFER))
    with connection, open(path, "wb", buffering=0) as file:
        while length := connection.recv_into(buffer):
            file.write(buffer[:length])


def send(path, port):
    buffer = memoryview(bytearray(BUFFER))
    with socket.create_connection(("127.0.0.1", port)) as connection, open(path, "rb", buffering=0) as file:
        while length := file.readinto(buffer):
            connection.sendall(buffer[:length])


if sys.argv[1] == "receive":
    receive(sys.argv[2])
else:
    send(sys.argv[2], int(sys.argv[3]))
