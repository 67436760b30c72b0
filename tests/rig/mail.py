"""A stub mail server on loopback: takes every message, without TLS, and remembers it."""

import socketserver
from dataclasses import dataclass, field
from threading import Thread
from typing import Self, cast


@dataclass
class Mail:
    """One message as it came over the wire."""

    sender: str = ""
    recipients: list[str] = field(default_factory=list)
    data: bytes = b""


class MailServer:
    """Listens on a loopback port of its own."""

    def __init__(self) -> None:
        self.mails: list[Mail] = []
        self.commands: list[str] = []
        self._server = _Server(("127.0.0.1", 0), _Session)
        self._server.owner = self
        self.port: int = self._server.server_address[1]
        self._thread = Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *exc: object) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


class _Server(socketserver.ThreadingTCPServer):
    daemon_threads = True
    owner: MailServer


class _Session(socketserver.StreamRequestHandler):
    def handle(self) -> None:
        owner, mail = cast(_Server, self.server).owner, Mail()
        self._say("220 stub")
        while line := self.rfile.readline().decode("latin-1").rstrip("\r\n"):
            owner.commands.append(line)
            match line.split(maxsplit=1)[0].upper():
                case "MAIL":
                    mail = Mail(line.partition(":")[2].partition(" ")[0].strip("<>"))
                    self._say("250 ok")
                case "RCPT":
                    mail.recipients.append(line.partition(":")[2].strip("<> "))
                    self._say("250 ok")
                case "DATA":
                    self._say("354 go on")
                    mail.data = self._data()
                    owner.mails.append(mail)
                    self._say("250 taken")
                case "QUIT":
                    self._say("221 bye")
                    return
                case _:
                    self._say("250 ok")

    def _data(self) -> bytes:
        lines = list[bytes]()
        while (line := self.rfile.readline()) not in (b".\r\n", b""):
            lines.append(line.removeprefix(b".") if line.startswith(b"..") else line)
        return b"".join(lines)

    def _say(self, text: str) -> None:
        self.wfile.write(f"{text}\r\n".encode())
