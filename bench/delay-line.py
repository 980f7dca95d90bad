"""A line that is long: a TCP proxy that hands every byte on a fixed time after it came, in each direction.

    python3 delay-line.py PORT-OF-THE-SERVER ONE-WAY-MS

Prints the port where it listens on 127.0.0.1. What is under way is held here, up to a bound that no test comes near, so the
line has a length and no limit of its own but the processor. The buffers of the system hold little beside that: what they take
has no part in the delay, as at both ends of a real line.
"""

import collections
import heapq
import selectors
import socket
import sys
import time

PIECE = 256 * 1024
HELD_MAX = 2 << 30


class Direction:
    """From one socket to another, `delay` seconds later."""

    def __init__(self, line, source, target):
        self.line, self.source, self.target = line, source, target
        self.held = collections.deque()
        self.bytes = 0
        self.is_over = self.is_closed = self.waits_for_room = self.is_stopped = False

    def read(self):
        try:
            data = self.source.recv(PIECE)
        except BlockingIOError:
            return
        except OSError:
            data = b""
        due = time.monotonic() + self.line.delay
        self.held.append((due, memoryview(data)))
        self.bytes += len(data)
        if not data:
            self.is_over = True
        if len(self.held) == 1:
            self.line.plan(due, self)
        self.line.watch(self.source)

    def write(self):
        """Hands on what is due."""
        self.waits_for_room = False
        now = time.monotonic()
        while self.held:
            due, data = self.held[0]
            if due > now:
                self.line.plan(due, self)
                break
            if not data:
                self.held.popleft()
                self.close()
                break
            try:
                sent = self.target.send(data)
            except BlockingIOError:
                self.waits_for_room = True
                break
            except OSError:
                self.held.clear()
                self.close()
                break
            self.bytes -= sent
            if sent < len(data):
                self.held[0] = (due, data[sent:])
            else:
                self.held.popleft()
        self.line.watch(self.target)
        self.line.watch(self.source)

    def close(self):
        self.is_closed = True
        try:
            self.target.shutdown(socket.SHUT_WR)
        except OSError:
            pass
        self.line.ended(self)

    @property
    def wants(self):
        return not self.is_over and not self.is_closed and self.bytes < HELD_MAX


class Line:
    def __init__(self, port, delay):
        self.port, self.delay = port, delay
        self.selector = selectors.DefaultSelector()
        self.listener = socket.create_server(("127.0.0.1", 0), backlog=1024)
        self.listener.setblocking(False)
        self.selector.register(self.listener, selectors.EVENT_READ)
        self.reading, self.writing, self.events = {}, {}, {}
        self.planned, self.count = [], 0

    def plan(self, due, direction):
        self.count += 1
        heapq.heappush(self.planned, (due, self.count, direction))

    def watch(self, it):
        """Waits for what can be done with a socket."""
        reading, writing = self.reading.get(it), self.writing.get(it)
        if reading is None:
            return
        wanted = (selectors.EVENT_READ if reading.wants else 0) | (
            selectors.EVENT_WRITE if writing.waits_for_room else 0
        )
        before = self.events.get(it, 0)
        if wanted == before:
            return
        self.events[it] = wanted
        if before == 0:
            self.selector.register(it, wanted)
        elif wanted == 0:
            self.selector.unregister(it)
        else:
            self.selector.modify(it, wanted)

    def accept(self):
        client, _ = self.listener.accept()
        server = socket.create_connection(("127.0.0.1", self.port))
        for it in (client, server):
            it.setblocking(False)
            it.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        there, back = Direction(self, client, server), Direction(self, server, client)
        self.reading[client] = self.writing[server] = there
        self.reading[server] = self.writing[client] = back
        self.watch(client)
        self.watch(server)

    def ended(self, direction):
        for it in (direction.source, direction.target):
            if self.reading[it].is_closed and self.writing[it].is_closed:
                if self.events.pop(it, 0):
                    self.selector.unregister(it)
                it.close()
                del self.reading[it]
        if direction.source not in self.reading:
            self.writing.pop(direction.source), self.writing.pop(direction.target)

    def run(self):
        while True:
            timeout = max(0.0, self.planned[0][0] - time.monotonic()) if self.planned else None
            for key, mask in self.selector.select(timeout):
                if key.fileobj is self.listener:
                    self.accept()
                    continue
                if mask & selectors.EVENT_WRITE and key.fileobj in self.reading:
                    self.writing[key.fileobj].write()
                if mask & selectors.EVENT_READ and key.fileobj in self.reading:
                    self.reading[key.fileobj].read()
            now = time.monotonic()
            while self.planned and self.planned[0][0] <= now:
                direction = heapq.heappop(self.planned)[2]
                if not direction.is_closed and not direction.waits_for_room:
                    direction.write()


if __name__ == "__main__":
    line = Line(int(sys.argv[1]), float(sys.argv[2]) / 1000)
    print(line.listener.getsockname()[1], flush=True)
    line.run()
