"""Forks service processes that have imported everything already: a restart after SIGKILL costs moments.

Run as `python -m tests.fault.zygote SOCKET`. Each line that comes in is a `runner.Order`; each that goes out tells a
process id, or that a process has ended and how. When the socket closes all are killed.
"""

import gc
import json
import os
import select
import socket
import sys
from collections.abc import Iterator

from tests.fault import runner


def main(path: str) -> None:
    """Serve until the other side closes."""
    runner.preload()
    gc.freeze()
    with socket.socket(socket.AF_UNIX) as link:
        link.connect(path)
        for line in _lines(link):
            pid = os.fork()
            if pid == 0:
                link.close()
                runner.become(json.loads(line))
            _tell(link, pid=pid)


def _lines(link: socket.socket) -> Iterator[bytes]:
    rest = b""
    while True:
        if select.select([link], [], [], 0.01)[0]:
            data = link.recv(1 << 16)
            if not data:
                return
            *lines, rest = (rest + data).split(b"\n")
            yield from lines
        for pid, code in _ended():
            _tell(link, pid=pid, code=code)


def _ended() -> Iterator[tuple[int, int]]:
    while True:
        try:
            pid, status = os.waitpid(-1, os.WNOHANG)
        except ChildProcessError:
            return
        if pid == 0:
            return
        yield pid, os.waitstatus_to_exitcode(status)


def _tell(link: socket.socket, **what: int) -> None:
    link.sendall(json.dumps(what).encode() + b"\n")


if __name__ == "__main__":
    main(sys.argv[1])
