"""An HTTP client that cannot be led astray: every request is guarded (`alerts.egress`), ends in time, reads little."""

import logging
import ssl
from functools import cache
from typing import Final

import httpx2

from alerts.addresses import Policy
from alerts.egress import Guard, guarded

MOST_BYTES: Final = 64 << 10
"""Read of an answer, unless the caller wants more; what is beyond is left."""
_DROPPED: Final = ("content-encoding", "content-length", "transfer-encoding")


class Refused(httpx2.TransportError):
    """The connection is not allowed; trying again is of no use."""


def client(policy: Policy, seconds: float, most: int = MOST_BYTES) -> httpx2.Client:
    """No redirects, no proxies, cookies or passwords of the environment; https unless the host is allowed by name.

    At most `most` bytes of an answer are read.
    """
    _hush()
    return httpx2.Client(
        transport=_Guarded(policy, seconds, most), timeout=seconds, trust_env=False, follow_redirects=False,
        headers={"User-Agent": "driftsum", "Accept-Encoding": "identity"},
    )  # fmt: skip


class _Guarded(httpx2.BaseTransport):
    """One connection per request, so that each is checked and under the deadline of its request."""

    def __init__(self, policy: Policy, seconds: float, most: int) -> None:
        self._policy, self._seconds, self._most = policy, seconds, most
        self._inner = httpx2.HTTPTransport(
            verify=_trusted(), trust_env=False, limits=httpx2.Limits(max_keepalive_connections=0)
        )

    def handle_request(self, request: httpx2.Request) -> httpx2.Response:
        """The answer with so much of its body as is wanted, or what went wrong as an `httpx2.TransportError`."""
        with guarded(self._policy, self._seconds, tls=request.url.scheme == "https") as guard:
            try:
                return self._answer(request)
            except (httpx2.TransportError, OSError) as error:
                raise _said(guard, error) from None

    def _answer(self, request: httpx2.Request) -> httpx2.Response:
        response = self._inner.handle_request(request)
        try:
            # packed bodies are not unpacked: nobody asked for one, and a small one can become a large one
            body = (
                b""
                if response.headers.get("content-encoding", "identity") != "identity"
                else _read(response, self._most)
            )
        finally:
            response.close()
        headers = [(name, value) for name, value in response.headers.multi_items() if name not in _DROPPED]
        return httpx2.Response(response.status_code, headers=headers, content=body, extensions=response.extensions)

    def close(self) -> None:
        """Nothing is kept open between requests."""
        self._inner.close()


def _read(response: httpx2.Response, most: int) -> bytes:
    body = bytearray()
    for part in response.iter_raw():
        body += part
        if len(body) >= most:
            break
    return bytes(body[:most])


def _said(guard: Guard, error: Exception) -> httpx2.TransportError:
    if guard.expired or isinstance(error, httpx2.TimeoutException):
        return httpx2.ReadTimeout(f"no complete answer within {guard.seconds:g} s")
    if guard.refusal:
        return Refused(guard.refusal)
    return error if isinstance(error, httpx2.TransportError) else httpx2.NetworkError(str(error))


@cache
def _trusted() -> ssl.SSLContext:
    """The machine's certificate authorities, or those of `SSL_CERT_FILE` and `SSL_CERT_DIR`."""
    return httpx2.create_ssl_context()


@cache
def _hush() -> None:
    """URLs may be secrets (Slack's are), and these write them into the log."""
    for name in ("httpx2", "httpcore2", "requests", "urllib3"):
        logging.getLogger(name).setLevel(logging.WARNING)
