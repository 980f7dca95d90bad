"""What the reference client reads its chunks from. Used by reference_client.py."""

import collections
import hashlib

from reference_protocol import Violation


class Source:
    """Reads a file in chunks, hashes it on the way, keeps the last chunks for sending again."""

    def __init__(self, file, chunk, queue):
        self.file = file
        self.chunk = chunk
        self.kept = collections.deque(maxlen=max(queue, 1))
        self.hasher = hashlib.sha256()
        self.read_to = 0
        self.position = 0

    def next_chunk(self):
        seek = self.position
        if seek == self.read_to:
            data = self.file.read(self.chunk)
            self.hasher.update(data)
            self.kept.append((seek, data))
            self.read_to += len(data)
        else:
            data = self.kept_chunk(seek)
        self.position += len(data)
        return seek, data

    def kept_chunk(self, seek):
        for kept_seek, data in self.kept:
            if kept_seek <= seek < kept_seek + len(data):
                return data[seek - kept_seek:]
        raise Violation(f"The server wants {seek}, which is older than it may ask for")

    def go_to(self, seek):
        """Goes back to a kept chunk, or on to where the server stands from an earlier run."""
        while self.read_to < seek:
            data = self.file.read(min(self.chunk, seek - self.read_to))
            if not data:
                raise Violation(f"The server wants {seek}, the file has only {self.read_to} bytes")
            self.hasher.update(data)
            self.read_to += len(data)
        self.position = seek
