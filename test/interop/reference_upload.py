"""Where the reference server puts files: one Upload for each, and who may send any. Used by reference_server.py."""

import hashlib
import json
import os
import uuid

from reference_protocol import clients_by_key


class Refused(Exception):
    def __init__(self, code, message):
        super().__init__(message)
        self.code = code


class Users:
    """Who may connect: the certificates of a folder, read again for every handshake."""

    def __init__(self, folder):
        self.folder = folder
        self.by_key = {}

    def callback(self, _domain, key):
        self.by_key = clients_by_key(self.folder)
        return key.decode("ascii") in self.by_key


class Upload:
    """One file on its way in: where it stands, what it may still send."""

    def __init__(self, data, user, name, meta, credit):
        self.folder = os.path.join(data, user)
        self.name = name
        self.meta, self.meta_text = meta
        self.final = os.path.join(self.folder, name)
        self.partial = os.path.join(data, ".partial", uuid.uuid4().hex)
        os.makedirs(self.folder, exist_ok=True)
        os.makedirs(os.path.dirname(self.partial), exist_ok=True)
        self.file = open(self.partial, "wb", buffering=0)
        self.hasher = hashlib.sha256()
        self.id = uuid.uuid4().hex
        self.credit = credit
        self.offset = 0
        self.chunks = 0
        self.gap = None  # seek of the last chunk that came too early
        self.finished = False

    def write(self, data):
        self.hasher.update(data)
        self.file.write(data)
        self.offset += len(data)

    def finish(self, checksum):
        """Publishes the file, its metadata first. `checksum` has to be that of the stored bytes."""
        self.file.close()
        if self.hasher.digest() != checksum:
            os.unlink(self.partial)
            raise Refused(460, f"Checksum mismatch in {self.name}")
        with open(self.final + ".meta.json", "wb") as file:
            file.write(self.meta_text)
        with open(self.final + ".sha256", "w", encoding="utf8") as file:
            file.write(f"{self.hasher.hexdigest()}  {self.name}\n")
        os.link(self.partial, self.final)
        os.unlink(self.partial)
        self.finished = True

    def abort(self):
        if not self.finished:
            self.file.close()
            if os.path.exists(self.partial):
                os.unlink(self.partial)
