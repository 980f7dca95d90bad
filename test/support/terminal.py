"""terminal.py COMMAND…: runs it with a terminal of 80 columns and 24 lines as both outputs, and prints what is left
there in the end: without colours, and without what was written over. Standard input is passed on. Ends with its exit status, or 128 and the number of its signal."""

import fcntl
import os
import re
import struct
import subprocess
import sys
import termios


def parts(terminal):
    """What appears on it, until nobody has it open any more."""
    while True:
        try:
            part = os.read(terminal, 65536)
        except OSError:  # how Linux says that nobody has it open any more
            return
        if not part:
            return
        yield part


def main():
    sys.stdout.reconfigure(encoding="utf8")
    ours, its = os.openpty()
    fcntl.ioctl(its, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 80, 0, 0))
    child = subprocess.Popen(sys.argv[1:], stdout=its, stderr=its)
    os.close(its)
    seen = b"".join(parts(ours))
    status = child.wait()
    for line in seen.decode("utf8", "replace").removesuffix("\r\n").split("\n"):
        shown, at = [], 0
        for part in re.findall(r"\x1b\[[0-9;?]*[A-Za-z]|.", line):
            if part == "\r":
                at = 0
            elif part.startswith("\x1b"):
                if part.endswith("K"):
                    del shown[at:]
            else:
                shown[at:at + 1] = [part]
                at += 1
        print("".join(shown).rstrip())
    sys.exit(128 - status if status < 0 else status)


if __name__ == "__main__":
    main()
