"""A file system in user space with files that are not what their properties say: python3 fuse_files.py FOLDER CONTENT.

Each file's bytes are those of the file CONTENT:
  nosize   the system tells 0 bytes, as some network drives do
  wrong    the system tells 10 bytes
  away     the second half cannot be read while there is a file CONTENT.away
"""

import errno
import os
import stat
import sys

try:
    import fuse
except ImportError:
    import fusepy as fuse

with open(sys.argv[2], "rb") as file:
    content = file.read()
sizes = {"/nosize": 0, "/wrong": 10, "/away": len(content)}


class Files(fuse.Operations):
    def init(self, path):
        print("mounted", flush=True)

    def getattr(self, path, fh=None):
        if path == "/":
            return {"st_mode": stat.S_IFDIR | 0o755, "st_nlink": 2}
        if path not in sizes:
            raise fuse.FuseOSError(errno.ENOENT)
        times = {"st_mtime": 1e9, "st_ctime": 1e9}
        return {"st_mode": stat.S_IFREG | 0o644, "st_nlink": 1, "st_size": sizes[path], **times}

    def read(self, path, size, offset, fh):
        is_away = path == "/away" and os.path.exists(sys.argv[2] + ".away")
        if is_away and offset + size > len(content) // 2:
            raise fuse.FuseOSError(errno.EIO)
        return content[offset : offset + size]


# Without the page cache: it would not read beyond the size that it was told.
fuse.FUSE(Files(), sys.argv[1], foreground=True, nothreads=True, direct_io=True)
