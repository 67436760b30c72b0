"""Where connections may go: checked on the socket, at the moment it connects.

What is checked is the address that the kernel is given, not the name: neither a redirect nor a DNS answer that changes
between check and use gets around it. CPython tells about every `connect` (`sys.addaudithook`, event `socket.connect`)
before it happens; while a thread is inside `guarded`, our hook judges these addresses. So one mechanism covers httpx2,
requests (apprise) and smtplib alike, without replacing their networking, and no packet leaves before the check. It is
no sandbox: what does not connect by Python's sockets is not seen, so threads and programs cannot be started inside.

A deadline covers all of it: when it is over, the connections are shut down, however slowly bytes drip in.
"""

import os
import socket
import ssl
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from functools import cache, wraps
from threading import Lock, Thread, Timer, local
from types import MappingProxyType
from typing import Any, Final, NoReturn

from alerts.addresses import Policy, parse_address

TOTAL_SECONDS: Final = 20.0
"""For one attempt, all included, unless the caller says otherwise."""
_PLAIN_MAIL: Final = (b"ehlo", b"helo", b"starttls", b"noop", b"rset", b"quit")
"""What may be said to a mail server before TLS."""


class EgressRefusedError(PermissionError):
    """The connection is not allowed. An OSError: libraries handle it as a connection that failed."""


def _ignore(_status: int, _headers: Mapping[str, str]) -> None:
    """Nobody asked."""


class Guard:
    """What one guarded thread may do, and what it tried."""

    def __init__(
        self, policy: Policy, seconds: float, *, tls: bool = True, left: Callable[[], float] = lambda: 1.0
    ) -> None:
        """`left`: seconds until the end of what the caller holds, see `before`."""
        self.seconds, self._left = seconds, left
        self.refusal = ""
        """Why a connection was refused; empty: none was."""
        self.expired = False
        """Whether the deadline was over before the end."""
        self.answered: Callable[[int, Mapping[str, str]], None] = _ignore
        """Told the status and headers of HTTP answers, by clients that are not ours."""
        self._policy, self._tls = policy, tls
        self._host, self._trusted = "", False
        self._socket: socket.socket | None = None
        self._files: list[int] = []
        self._lock = Lock()

    def looked_up(self, host: object) -> None:
        """A name is about to be resolved: the next connections belong to it."""
        self._in_time()
        text = host.decode("ascii", "replace") if isinstance(host, bytes) else host
        self._host = text if isinstance(text, str) else ""

    def connecting(self, connecting: socket.socket, where: object) -> None:
        """A socket is about to be connected, or a datagram to be sent."""
        self._in_time()
        if connecting.family not in (socket.AF_INET, socket.AF_INET6) or not isinstance(where, tuple):
            self.refuse("only TCP connections leave this service, no sockets of this machine")
        address = parse_address(str(where[0]))
        if address is None:
            self.refuse("a connection was to be made by name, and its address could not be checked")
        if refusal := self._policy.refusal(address, self._host):
            self.refuse(refusal)
        self._socket, self._trusted = connecting, self._policy.trusts(address, self._host)
        if not self._tls:
            self.needs_trust("http without TLS")
        self.refusal = ""  # of another address of the same name
        with self._lock:
            self._files.append(os.dup(connecting.fileno()))  # the socket's own number changes hands when TLS begins

    def needs_trust(self, what: str) -> None:
        """Something that only in-house receivers may be sent."""
        if not self._trusted:
            if self._socket is not None:
                self._socket.close()  # its library does not expect to be stopped here
            self.refuse(f"{what} is sent to allowed hosts only; write https, or add {self._host} to egress.allow")

    def refuse(self, why: str) -> NoReturn:
        """Let what was about to happen fail.

        Raises:
            EgressRefusedError: always.
        """
        self.refusal = self.refusal or why
        raise EgressRefusedError(why)

    def cut(self) -> None:
        """The deadline is over: shut the connections down."""
        self.expired = True
        with self._lock:
            for number in self._files:
                with suppress(OSError), socket.socket(fileno=os.dup(number)) as connection:
                    connection.shutdown(socket.SHUT_RDWR)

    def close(self) -> None:
        """Give back what was kept of the connections."""
        with self._lock:
            for number in self._files:
                os.close(number)
            self._files.clear()

    def _in_time(self) -> None:
        self.expired = self.expired or self._left() <= 0
        if self.expired:
            raise TimeoutError("the deadline is over")


class Gate:
    """What `egress:` allows; the `alerts.routes.contract.Egress` of all routes and triggers."""

    def __init__(self, allow: Iterable[str] = ()) -> None:
        """`allow` as in drift.yaml.

        Raises:
            ConfigError: an entry is neither a name nor a network.
        """
        self.policy = Policy.parse(allow)

    def client(self, *, timeout: float = TOTAL_SECONDS, most: int = 64 << 10) -> Any:
        """An `httpx2.Client` whose every request ends within `timeout` seconds and reads at most `most` bytes of the
        answer: see `alerts.client`."""
        from alerts.client import client

        return client(self.policy, timeout, most)

    @contextmanager
    def guarded(self, timeout: float = TOTAL_SECONDS, *, tls: bool = True) -> Iterator[Guard]:
        """Check every connection of this thread until the end of the block, which comes within `timeout` seconds."""
        with guarded(self.policy, timeout, tls=tls) as guard:
            yield guard


@contextmanager
def guarded(policy: Policy, seconds: float, *, tls: bool = True) -> Iterator[Guard]:
    """Check every connection of this thread; `tls=False`: what is sent is not encrypted."""
    _install()
    left: Callable[[], float] = getattr(_here, "left", lambda: seconds)
    guard = Guard(policy, seconds, tls=tls, left=left)
    watch = Timer(max(min(seconds, left()), 0.0), guard.cut)
    watch.daemon = True
    watch.start()
    outer, _here.guard = getattr(_here, "guard", None), guard
    try:
        yield guard
    finally:
        _here.guard = outer
        watch.cancel()
        guard.close()


@contextmanager
def before(end: float, now: Callable[[], float]) -> Iterator[None]:
    """This thread connects to nothing after `end`, on the scale of `now`, and what it has connected to is cut then.

    So a process that stood still since it took a lease sends nothing once the lease is another's.
    """
    outer, _here.left = getattr(_here, "left", None), lambda: end - now()
    try:
        yield
    finally:
        del _here.left
        if outer is not None:
            _here.left = outer


def current() -> Guard | None:
    """The guard of this thread."""
    return getattr(_here, "guard", None)


_here: Final = local()


def _looked_up(guard: Guard, args: tuple[Any, ...]) -> None:
    guard.looked_up(args[0])


def _connecting(guard: Guard, args: tuple[Any, ...]) -> None:
    if args[1] is not None:  # a message on a socket that is connected names no address
        guard.connecting(args[0], args[1])


def _spoke_http(guard: Guard, args: tuple[Any, ...]) -> None:
    if getattr(args[0], "proxy", None) is not None:
        guard.refuse("proxies are not used")
    if args[0].default_port != 443:
        guard.needs_trust("http without TLS")


def _spoke_mail(guard: Guard, args: tuple[Any, ...]) -> None:
    if not isinstance(args[0].sock, ssl.SSLSocket) and not bytes(args[1][:8]).lower().startswith(_PLAIN_MAIL):
        guard.needs_trust("mail without TLS")


def _started(guard: Guard, _args: tuple[Any, ...] = ()) -> None:
    guard.refuse("this kind of receiver needs threads or programs of its own, whose connections cannot be checked")


_CHECKS: Final[Mapping[str, Callable[[Guard, tuple[Any, ...]], None]]] = MappingProxyType(
    {
        **dict.fromkeys(("socket.getaddrinfo", "socket.gethostbyname"), _looked_up),
        **dict.fromkeys(("socket.connect", "socket.sendto", "socket.sendmsg"), _connecting),
        "http.client.connect": _spoke_http,
        "smtplib.send": _spoke_mail,
        **dict.fromkeys(("subprocess.Popen", "os.system", "os.exec", "os.fork", "os.posix_spawn"), _started),
    }
)


@cache
def _install() -> None:
    """Once for the process, since hooks cannot be taken away; costs 0.1 µs where a thread is not guarded."""
    here, checks = _here, _CHECKS  # its own: modules are emptied before the last events at exit

    def hook(event: str, args: tuple[Any, ...]) -> None:
        guard = getattr(here, "guard", None)
        if guard is not None and (check := checks.get(event)) is not None:
            check(guard, args)

    sys.addaudithook(hook)
    start = Thread.start

    @wraps(start)
    def unless_guarded(thread: Thread) -> None:  # CPython 3.11 tells nothing of threads
        if (guard := getattr(here, "guard", None)) is not None:
            _started(guard)
        start(thread)

    Thread.start = unless_guarded  # type: ignore[method-assign,assignment]
