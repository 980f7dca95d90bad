#!/usr/bin/python3
"""Runs a program and kills it (SIGKILL) when it is about to make its Nth change to the files below a folder.

    crash_at.py --folder FOLDER --at N --log FILE [--from-start] [--shorten BYTES] -- PROGRAM [ARGUMENT]...

Counted are the system calls that change files or make changes durable, of all threads together, from the first
connection that is accepted on, or --from-start. The Nth is not executed any more; with --shorten it is executed,
when it is a write, for so many bytes only. FILE gets one line for each call that was counted.
strace counts per thread, and a pool of threads shares the work differently every time; and what it calls a short
write was not made at all: hence this. Linux, x86-64.
"""

import argparse
import ctypes
import os
import signal
import sys

TRACEME, POKEUSER, SETOPTIONS, SYSCALL, GET_SYSCALL_INFO = 0, 6, 0x4200, 24, 0x420E
# Where struct user holds the third argument: rdx.
THIRD_ARGUMENT = 96
# SYSGOOD, FORK, VFORK, CLONE, EXEC, EXITKILL.
OPTIONS = 0x1 | 0x2 | 0x4 | 0x8 | 0x10 | 0x100000
WALL = 0x40000000
O_CREAT = 0o100

# Name, and which arguments are descriptors of changed files or paths.
CALLS = {
    1: ("write", "fd", 0), 18: ("pwrite64", "fd", 0), 20: ("writev", "fd", 0), 296: ("pwritev", "fd", 0),
    74: ("fsync", "fd", 0), 75: ("fdatasync", "fd", 0), 77: ("ftruncate", "fd", 0), 91: ("fchmod", "fd", 0),
    82: ("rename", "path", 1), 264: ("renameat", "path", 3), 316: ("renameat2", "path", 3),
    86: ("link", "path", 1), 265: ("linkat", "path", 3), 87: ("unlink", "path", 0), 263: ("unlinkat", "path", 1),
    83: ("mkdir", "path", 0), 258: ("mkdirat", "path", 1), 90: ("chmod", "path", 0), 268: ("fchmodat", "path", 1),
    257: ("openat", "create", 1), 306: ("syncfs", "fd", 0), 84: ("rmdir", "path", 0),
}
ACCEPTS = (43, 288)


class SyscallInfo(ctypes.Structure):
    _fields_ = [("op", ctypes.c_uint8), ("pad", ctypes.c_uint8 * 3), ("arch", ctypes.c_uint32),
                ("ip", ctypes.c_uint64), ("sp", ctypes.c_uint64), ("nr", ctypes.c_uint64),
                ("args", ctypes.c_uint64 * 6), ("more", ctypes.c_uint64 * 2)]


libc = ctypes.CDLL(None, use_errno=True)
libc.ptrace.argtypes = [ctypes.c_long, ctypes.c_long, ctypes.c_void_p, ctypes.c_void_p]
libc.ptrace.restype = ctypes.c_long


def text_at(pid, address):
    with open(f"/proc/{pid}/mem", "rb", buffering=0) as memory:
        memory.seek(address)
        return memory.read(1024).split(b"\0", 1)[0].decode("utf8", "replace")


def changed_path(pid, info):
    """The file that this call changes, or None when it is no change."""
    name, kind, index = CALLS[info.nr]
    value = info.args[index]
    try:
        if kind == "fd":
            return os.readlink(f"/proc/{pid}/fd/{value}")
        if kind == "create" and not info.args[2] & O_CREAT:
            return None
        return os.path.join(os.readlink(f"/proc/{pid}/cwd"), text_at(pid, value))
    except OSError:
        return None


class Tracer:
    def __init__(self, args):
        self.folder = os.path.realpath(args.folder) + "/"
        self.at = args.at
        self.shorten = args.shorten
        self.log = open(args.log, "w", buffering=1)
        self.count = 0
        self.armed = args.from_start
        self.known = set()
        self.child = self.start(args.command)

    def start(self, command):
        pid = os.fork()
        if pid == 0:
            libc.ptrace(TRACEME, 0, None, None)
            os.kill(os.getpid(), signal.SIGSTOP)
            os.execvp(command[0], command)
        os.waitpid(pid, 0)
        libc.ptrace(SETOPTIONS, pid, None, OPTIONS)
        libc.ptrace(SYSCALL, pid, None, None)
        self.known.add(pid)
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda got, _: os.kill(pid, got))
        return pid

    def run(self):
        """Until the program ends; returns its wait status."""
        while True:
            pid, status = os.waitpid(-1, WALL)
            if os.WIFEXITED(status) or os.WIFSIGNALED(status):
                if pid == self.child:
                    return status
                continue
            number = os.WSTOPSIG(status)
            deliver = 0
            if number == signal.SIGTRAP | 0x80:
                self.call(pid)
            elif status >> 16 == 0 and (number != signal.SIGSTOP or pid in self.known):
                deliver = number
            self.known.add(pid)
            libc.ptrace(SYSCALL, pid, None, deliver)

    def call(self, pid):
        info = SyscallInfo()
        libc.ptrace(GET_SYSCALL_INFO, pid, ctypes.sizeof(info), ctypes.addressof(info))
        if info.op != 1:
            return
        self.armed = self.armed or info.nr in ACCEPTS
        if info.nr not in CALLS:
            return
        path = changed_path(pid, info)
        if path is None or not (path + "/").startswith(self.folder):
            return
        if not self.armed:
            return
        self.count += 1
        self.log.write(f"{self.count} {CALLS[info.nr][0]} {path[len(self.folder):]}\n")
        if self.count != self.at:
            return
        if self.shorten is None:
            os.kill(self.child, signal.SIGKILL)
        elif info.nr in (1, 18):
            libc.ptrace(POKEUSER, pid, THIRD_ARGUMENT, min(self.shorten, info.args[2]))


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--folder", required=True)
    parser.add_argument("--at", type=int, required=True)
    parser.add_argument("--log", required=True)
    parser.add_argument("--from-start", action="store_true")
    parser.add_argument("--shorten", type=int)
    parser.add_argument("command", nargs="+")
    status = Tracer(parser.parse_args()).run()
    if os.WIFSIGNALED(status):
        if os.WTERMSIG(status) != signal.SIGKILL:
            signal.signal(os.WTERMSIG(status), signal.SIG_DFL)
        os.kill(os.getpid(), os.WTERMSIG(status))
    sys.exit(os.WEXITSTATUS(status))


if __name__ == "__main__":
    main()
