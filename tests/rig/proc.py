"""Child processes that tests start, stop in mid-air and kill, and that never outlive the test run."""

import contextlib
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Self, TypeVar

T = TypeVar("T")

CHECKOUT = Path(__file__).resolve().parents[2]

# Ends process $0 once this script's input closes, which happens when the test run ends, even by SIGKILL. Unlike
# PR_SET_PDEATHSIG it does not depend on the thread that started the process.
_REAPER = 'read -r _; kill -9 "$0" 2>/dev/null'


class ProcessError(Exception):
    """A process did not start, or ended when it should not have. The message carries the end of its output."""


class Process:
    """One child process; its output goes to `log`. As a context manager it is killed on leaving.

    It runs in a session of its own, so that Ctrl-C reaches the tests and not it.
    """

    def __init__(
        self, args: Sequence[str | Path], *, log: Path, env: Mapping[str, str] | None = None, cwd: Path = CHECKOUT
    ) -> None:
        self.log = log
        self.args = [str(a) for a in args]
        with log.open("ab") as out:
            self._popen = subprocess.Popen(
                self.args,
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=subprocess.STDOUT,
                env={**os.environ, **(env or {})},
                cwd=cwd,
                start_new_session=True,
            )
        self._reaper = subprocess.Popen(
            ["sh", "-c", _REAPER, str(self.pid)], stdin=subprocess.PIPE, start_new_session=True
        )

    @property
    def pid(self) -> int:
        """The process id."""
        return self._popen.pid

    @property
    def returncode(self) -> int | None:
        """The exit code, -N after signal N, None while it runs."""
        code = self._popen.poll()
        if code is not None:
            self._dismiss_reaper()
        return code

    @property
    def alive(self) -> bool:
        """Whether it still runs (a paused process does)."""
        return self.returncode is None

    def output(self) -> str:
        """Everything it wrote so far to stdout and stderr."""
        return self.log.read_text(errors="replace")

    def send(self, number: int) -> None:
        """Send a signal; nothing happens if the process has ended."""
        if self.alive:
            self._popen.send_signal(number)

    def pause(self) -> None:
        """SIGSTOP: it keeps its sockets and locks, and does nothing."""
        self.send(signal.SIGSTOP)

    def resume(self) -> None:
        """SIGCONT after `pause`."""
        self.send(signal.SIGCONT)

    def kill(self) -> None:
        """SIGKILL, and wait until it is gone."""
        self.send(signal.SIGKILL)
        self.wait()

    def terminate(self, timeout: float = 10.0, number: int = signal.SIGTERM) -> int:
        """Ask it to end and return its exit code; raises `ProcessError`, after killing it, if it takes longer."""
        self.send(number)
        try:
            return self.wait(timeout)
        except ProcessError:
            self.kill()
            raise

    def wait(self, timeout: float = 30.0) -> int:
        """Return the exit code; raises `ProcessError` if it still runs after `timeout` seconds."""
        try:
            code = self._popen.wait(timeout)
        except subprocess.TimeoutExpired:
            raise ProcessError(f"still running after {timeout} s{self._story()}") from None
        self._dismiss_reaper()
        return code

    def wait_ready(self, ready: Callable[[], bool], timeout: float = 60.0) -> None:
        """Wait until `ready()` holds; raises `ProcessError` at once if the process ends before, or at the timeout."""

        def ready_or_ended() -> bool:
            return not self.alive or ready()

        try:
            wait_until(ready_or_ended, timeout)
        except TimeoutError:
            raise ProcessError(f"not ready after {timeout} s{self._story()}") from None
        if not self.alive:
            raise ProcessError(f"ended with code {self.returncode} before it was ready{self._story()}")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc: object) -> None:
        self.kill()

    def _story(self) -> str:
        tail = "\n".join(self.output().splitlines()[-30:])
        return f": {' '.join(self.args)[:300]}\n{tail}"

    def _dismiss_reaper(self) -> None:
        # killed, not told by closing its input: it would then signal a process id that may be someone else's by now
        if self._reaper.returncode is None:
            self._reaper.kill()
            self._reaper.wait()
            if self._reaper.stdin is not None:
                self._reaper.stdin.close()


def python(*args: str | Path, log: Path, env: Mapping[str, str] | None = None) -> Process:
    """Start this Python with `args`, for example `python("-m", "drift", "worker", log=tmp_path / "worker.log")`."""
    return Process([sys.executable, "-X", "faulthandler", *args], log=log, env={"PYTHONUNBUFFERED": "1", **(env or {})})


def free_port() -> int:
    """A loopback TCP port that nobody listened on a moment ago."""
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        port: int = s.getsockname()[1]
        return port


def accepts(port: int) -> bool:
    """Whether somebody accepts connections on this loopback port."""
    with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=1):
        return True
    return False


def runs(pid: int) -> bool:
    """Whether a process, ours or not, runs; one that ended but was not collected by its parent yet does not."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return False
    return stat.rpartition(")")[2].split()[0] != "Z"


def wait_until(predicate: Callable[[], T], timeout: float = 30.0, interval: float = 0.05, what: str = "") -> T:
    """Call `predicate` until it returns something truthy, and return that; raises `TimeoutError` naming `what`."""
    deadline = time.monotonic() + timeout
    while not (value := predicate()):
        if time.monotonic() > deadline:
            raise TimeoutError(f"{what or predicate!r} did not hold within {timeout} s; last value {value!r}")
        time.sleep(interval)
    return value
