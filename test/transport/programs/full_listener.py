"""A port whose queue of waiting connections is full: further ones get no answer. Prints the port, ends with stdin."""

import socket
import sys
import time

listener = socket.socket()
listener.bind(("127.0.0.1", 0))
listener.listen(0)
fillers = [socket.socket() for _ in range(4)]
for filler in fillers:
    filler.setblocking(False)
    filler.connect_ex(listener.getsockname())
time.sleep(0.2)
print(listener.getsockname()[1], flush=True)
sys.stdin.read()
