"""type_keys.py PROMPT FILE COMMAND…: runs it on a terminal, and when it has shown PROMPT types what is in FILE. Prints what appeared there. Ends with its status."""

import os
import pty
import sys
import threading

from terminal import parts

prompt, keys, command = sys.argv[1].encode(), sys.argv[2], sys.argv[3:]
child, ours = pty.fork()
if child == 0:
    os.execvp(command[0], command)
seen, is_typing = b"", False


def type_keys():
    with open(keys, "rb") as file:
        rest = file.read()
    while rest:
        rest = rest[os.write(ours, rest[:256]):]


for part in parts(ours):
    seen += part
    if prompt in seen and not is_typing:
        is_typing = True
        threading.Thread(target=type_keys, daemon=True).start()
sys.stdout.buffer.write(seen)
sys.exit(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
