"""A stub HTTP receiver on loopback that behaves as badly as it is told to, and remembers what it was sent."""

import json
import socket
import ssl
import struct
import subprocess
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Event, Lock, Thread
from typing import Any, Self


@dataclass(frozen=True)
class Request:
    """One request as it came."""

    method: str
    path: str
    headers: Mapping[str, str]  # names in lower case
    body: bytes

    @property
    def json(self) -> Any:
        """The body, which is JSON."""
        return json.loads(self.body)


class Receiver:
    """Listens on a loopback port of its own. `mode` says how it answers from now on:

    `ok`, `500`, `400`, … any status; `429` says Retry-After: `retry_after`; `redirect` sends to `location`; `hang`
    reads and never answers; `drip` answers a byte at a time, for ever; `drop` reads all, remembers it, and cuts the
    connection; `huge` answers 200 with bytes without end; `packed` with a gzip bomb; `close` cuts before reading.
    """

    def __init__(
        self, mode: str = "ok", *, retry_after: str = "7", location: str = "", certificate: Path | None = None
    ) -> None:
        """With a `certificate` (its key in the same file) it speaks TLS."""
        self.mode, self.retry_after, self.location = mode, retry_after, location
        self.requests: list[Request] = []
        self.hits = 0  # connections, whatever came of them
        self.sent = 0  # bytes of endless answers
        self._lock = Lock()
        self._over = Event()
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(self))
        self._server.daemon_threads = True
        self._scheme = "http" if certificate is None else "https"
        if certificate is not None:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(certificate)
            self._server.socket = context.wrap_socket(
                self._server.socket, server_side=True, do_handshake_on_connect=False
            )
        self.port: int = self._server.server_address[1]
        self._thread = Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)

    @property
    def url(self) -> str:
        """By name, which `egress.allow: [localhost]` allows."""
        return f"{self._scheme}://localhost:{self.port}"

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *exc: object) -> None:
        self._over.set()
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def answer(self, handler: BaseHTTPRequestHandler) -> None:
        """Do as the mode says."""
        with self._lock:
            self.hits += 1
        if self.mode == "close":
            return cut(handler)
        body = handler.rfile.read(int(handler.headers.get("Content-Length") or 0))
        headers = {name.lower(): value for name, value in handler.headers.items()}
        with self._lock:
            self.requests.append(Request(handler.command, handler.path, headers, body))
        how: Callable[[BaseHTTPRequestHandler], None] = getattr(self, f"_{self.mode}", self._status)
        return how(handler)

    def _status(self, handler: BaseHTTPRequestHandler) -> None:
        status = 200 if self.mode == "ok" else int(self.mode)
        extra = {"Retry-After": self.retry_after} if status in (429, 503) else {}
        reply(handler, status, b'{"canary-of-the-body": true}', extra)

    def _redirect(self, handler: BaseHTTPRequestHandler) -> None:
        reply(handler, 307, b"", {"Location": self.location})

    def _hang(self, handler: BaseHTTPRequestHandler) -> None:
        self._over.wait(60)
        cut(handler)

    def _drip(self, handler: BaseHTTPRequestHandler) -> None:
        self._endless(handler, b"HTTP/1.1 200 OK\r\nX-Drip: ", b"x", 0.05)

    def _drop(self, handler: BaseHTTPRequestHandler) -> None:
        cut(handler)

    def _huge(self, handler: BaseHTTPRequestHandler) -> None:
        self._endless(handler, b"HTTP/1.1 200 OK\r\nContent-Length: 100000000000\r\n\r\n", b"y" * 65_536, 0.0)

    def _packed(self, handler: BaseHTTPRequestHandler) -> None:
        import gzip

        reply(handler, 200, gzip.compress(b"z" * 50_000_000), {"Content-Encoding": "gzip"})

    def _endless(self, handler: BaseHTTPRequestHandler, head: bytes, part: bytes, pause: float) -> None:
        handler.close_connection = True
        try:
            handler.wfile.write(head)
            while not self._over.wait(pause):
                handler.wfile.write(part)
                self.sent += len(part)
        except OSError:
            pass  # the client has gone, as it should


def certificate(folder: Path, name: str) -> Path:
    """A certificate for this name that its own key has signed, and the key, in one file."""
    key, made = folder / f"{name}.key", folder / f"{name}.pem"
    subprocess.run(
        [
            "openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2",
            "-subj", f"/CN={name}", "-addext", f"subjectAltName=DNS:{name}", "-keyout", str(key), "-out", str(made),
        ],
        check=True, capture_output=True,
    )  # fmt: skip
    made.write_text(made.read_text() + key.read_text())
    return made


def reply(handler: BaseHTTPRequestHandler, status: int, body: bytes, headers: Mapping[str, str]) -> None:
    handler.send_response(status)
    for name, value in {**headers, "Content-Length": str(len(body))}.items():
        handler.send_header(name, value)
    handler.end_headers()
    handler.wfile.write(body)


def cut(handler: BaseHTTPRequestHandler) -> None:
    """End the connection by a reset."""
    handler.close_connection = True
    handler.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    handler.connection.close()
    handler.rfile.close()
    handler.wfile = open("/dev/null", "wb")  # noqa: PTH123, SIM115  the server flushes it once more


def _handler(receiver: Receiver) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            receiver.answer(self)

        do_GET = do_POST  # noqa: N815  the base class's name

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002  the base class's name
            pass

    return Handler
