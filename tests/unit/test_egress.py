"""Where connections may go: the address that is connected to decides, whatever name, redirect or answer led there."""

import smtplib
import socket
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx2
import pytest
import requests

from alerts.addresses import METADATA, Policy, parse_address
from alerts.client import MOST_BYTES, Refused, _trusted
from alerts.egress import EgressRefusedError, Gate
from drift.core.errors import ConfigError
from tests.rig.receiver import Receiver, certificate

PUBLIC = ["1.1.1.1", "8.8.8.8", "2606:4700:4700::1111", "::ffff:8.8.8.8", "64:ff9b::808:808", "2002:808:808::1"]
CLOSED = [
    "127.0.0.1", "127.8.8.8", "10.0.0.1", "172.16.0.1", "172.31.255.255", "192.168.1.1", "169.254.1.1", "0.0.0.0",
    "0.1.2.3",
    "100.64.0.1", "192.0.0.8", "192.0.2.1", "198.18.0.1", "203.0.113.1", "224.0.0.1", "239.1.1.1", "240.0.0.1",
    "255.255.255.255", "::", "::1", "::7f00:1", "fe80::1", "fe80::1%eth0", "fc00::1", "fd12::1", "fec0::1", "ff02::1",
    "2001:db8::1", "100::1", "::ffff:127.0.0.1", "::ffff:10.0.0.1", "::ffff:0:10.0.0.1", "64:ff9b::10.0.0.1",
    "64:ff9b:1::1", "2002:7f00:1::1", "2002:a00:1::", "2001:0:4136:e378:8000:63bf:f5ff:fffe",
    "2606:4700::5efe:10.0.0.1",
]  # fmt: skip
METADATA_FORMS = [
    "169.254.169.254", "fd00:ec2::254", "100.100.100.200", "168.63.129.16", "::ffff:169.254.169.254",
    "64:ff9b::a9fe:a9fe", "2002:a9fe:a9fe::1", "::a9fe:a9fe", "2606:4700::5efe:169.254.169.254",
]  # fmt: skip


def refusal(text: str, *allow: str, host: str = "hooks.example.com") -> str:
    address = parse_address(text)
    assert address is not None
    return Policy.parse(allow).refusal(address, host)


class TestPolicy:
    @pytest.mark.parametrize("address", PUBLIC)
    def test_public_addresses_are_open(self, address: str) -> None:
        assert refusal(address) == ""

    @pytest.mark.parametrize("address", CLOSED)
    def test_others_are_not(self, address: str) -> None:
        assert "no public address" in refusal(address)
        assert "egress.allow" in refusal(address)

    @pytest.mark.parametrize("address", METADATA_FORMS)
    def test_metadata_services_never(self, address: str) -> None:
        everything = ("0.0.0.0/0", "::/0", "hooks.example.com", "169.254.169.254")
        assert "metadata" in refusal(address, *everything)
        assert "metadata" in refusal(address)

    def test_every_metadata_address_in_every_clothing(self) -> None:
        for address in METADATA:
            forms = [str(address)]
            if address.version == 4:
                forms += [f"::ffff:{address}", f"64:ff9b::{address}", f"::{address}"]
            assert all("metadata" in refusal(form, "0.0.0.0/0", "::/0") for form in forms)

    def test_a_network_opens_its_addresses(self) -> None:
        assert refusal("10.1.2.3", "10.0.0.0/8") == ""
        assert refusal("::ffff:10.1.2.3", "10.0.0.0/8") == ""
        assert refusal("11.1.2.3", "10.0.0.0/8") == "" != refusal("192.168.1.1", "10.0.0.0/8")
        assert refusal("64:ff9b::10.1.2.3", "10.0.0.0/8") != ""  # a way around that nobody allowed

    def test_a_name_opens_whatever_it_leads_to_for_itself_alone(self) -> None:
        assert refusal("10.1.2.3", "am.svc", host="AM.svc.") == ""
        assert refusal("10.1.2.3", "am.svc", host="evil.am.svc") != ""
        assert refusal("10.1.2.3", "am.svc", host="") != ""

    @pytest.mark.parametrize(
        "entry", ["https://am.svc", "am.svc:9093", "10.0.0.0/33", "10.0.0.1/8", "", "a b", "*.svc"]
    )
    def test_what_is_neither_name_nor_network(self, entry: str) -> None:
        with pytest.raises(ConfigError, match=r"is no (network|host)"):
            Policy.parse([entry])


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with Receiver() as one:
        yield one


@pytest.fixture
def names(monkeypatch: pytest.MonkeyPatch) -> dict[str, list[list[str]]]:
    """Name → what DNS says of it, answer after answer; the last one stays. Other names are resolved as ever."""
    known: dict[str, list[list[str]]] = {}
    real = socket.getaddrinfo

    def resolve(host: Any, port: Any, *args: Any, **kwargs: Any) -> Any:
        text = host.decode() if isinstance(host, bytes) else host
        if text not in known:
            return real(host, port, *args, **kwargs)
        import sys

        sys.audit("socket.getaddrinfo", host, port, 0, 0, 0)  # as the real one does
        answers = known[text]
        addresses = answers.pop(0) if len(answers) > 1 else answers[0]
        return [
            (socket.AF_INET6 if ":" in one else socket.AF_INET, socket.SOCK_STREAM, 6, "", (one, port))
            for one in addresses
        ]

    monkeypatch.setattr(socket, "getaddrinfo", resolve)
    return known


def get(url: str, *allow: str, timeout: float = 5.0) -> httpx2.Response:
    with Gate(allow).client(timeout=timeout) as client:
        answer: httpx2.Response = client.get(url)
        return answer


class TestClient:
    def test_an_allowed_name(self, receiver: Receiver) -> None:
        assert get(receiver.url, "localhost").status_code == 200

    def test_an_allowed_network(self, receiver: Receiver) -> None:
        assert get(f"http://127.0.0.1:{receiver.port}", "127.0.0.0/8").status_code == 200

    @pytest.mark.parametrize(
        "host",
        ["127.0.0.1", "localhost", "[::1]", "0.0.0.0", "[::ffff:127.0.0.1]", "127.1", "0x7f000001", "2130706433"],
    )
    def test_loopback_however_it_is_written(self, receiver: Receiver, host: str) -> None:
        with pytest.raises(Refused, match="no public address"):
            get(f"https://{host}:{receiver.port}/")
        assert receiver.hits == 0

    def test_a_name_that_leads_inside(self, receiver: Receiver, names: dict[str, list[list[str]]]) -> None:
        names["hooks.example.com"] = [["127.0.0.1"]]
        with pytest.raises(Refused, match=r"hooks\.example\.com is at 127\.0\.0\.1, which is no public address"):
            get(f"https://hooks.example.com:{receiver.port}/", "localhost")
        assert receiver.hits == 0

    @pytest.mark.parametrize("inside", ["127.0.0.1", "::ffff:127.0.0.1", "169.254.169.254", "10.0.0.1"])
    def test_dns_that_changes_between_check_and_use(
        self, receiver: Receiver, names: dict[str, list[list[str]]], inside: str
    ) -> None:
        names["rebind.example.com"] = [["1.1.1.1"], [inside]]
        socket.getaddrinfo("rebind.example.com", 443)  # whoever checks names first is told a public address …
        with pytest.raises(Refused):  # … and the one that is connected to is another
            get(f"https://rebind.example.com:{receiver.port}/")
        assert receiver.hits == 0

    def test_the_other_address_of_a_name_may_be_fine(
        self, receiver: Receiver, names: dict[str, list[list[str]]]
    ) -> None:
        names["two.example.com"] = [["10.0.0.1", "127.0.0.1"]]
        assert get(f"http://two.example.com:{receiver.port}/", "127.0.0.0/8").status_code == 200

    def test_what_fails_after_an_address_that_was_refused_is_no_refusal(
        self, receiver: Receiver, names: dict[str, list[list[str]]]
    ) -> None:
        names["two.example.com"] = [["10.0.0.1", "127.0.0.1"]]
        receiver.mode = "close"
        with pytest.raises(httpx2.TransportError) as caught:
            get(f"http://two.example.com:{receiver.port}/", "127.0.0.0/8")
        assert not isinstance(caught.value, Refused)

    def test_metadata_by_an_allowed_name(self, names: dict[str, list[list[str]]]) -> None:
        names["metadata.example.com"] = [["169.254.169.254"]]
        with pytest.raises(Refused, match="metadata"):
            get("https://metadata.example.com/", "metadata.example.com", "0.0.0.0/0")

    def test_redirects_are_handed_back(self, receiver: Receiver) -> None:
        with Receiver() as inside:
            receiver.mode, receiver.location = "redirect", inside.url
            assert get(receiver.url, "localhost").status_code == 307
            assert inside.hits == 0

    def test_plain_http_to_strangers(self, names: dict[str, list[list[str]]]) -> None:
        with pytest.raises(Refused, match="http without TLS"):
            get("http://1.1.1.1/")

    def test_no_proxy_of_the_environment(self, receiver: Receiver, monkeypatch: pytest.MonkeyPatch) -> None:
        with Receiver() as proxy:
            for name in ("http_proxy", "https_proxy", "all_proxy", "HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"):
                monkeypatch.setenv(name, proxy.url)
            assert get(receiver.url, "localhost").status_code == 200
            assert proxy.hits == 0 != receiver.hits

    def test_by_a_socket_of_this_machine(self, tmp_path: Any) -> None:
        with Gate().guarded(5), socket.socket(socket.AF_UNIX) as one, pytest.raises(EgressRefusedError, match="TCP"):
            one.connect(str(tmp_path / "docker.sock"))

    def test_by_name_past_the_resolver(self) -> None:
        with Gate().guarded(5), socket.socket() as one, pytest.raises(EgressRefusedError, match="by name"):
            one.connect(("localhost", 9))

    def test_datagrams(self) -> None:
        with Gate().guarded(5), socket.socket(type=socket.SOCK_DGRAM) as one, pytest.raises(EgressRefusedError):
            one.sendto(b"x", ("127.0.0.1", 9))

    def test_threads_and_programs_cannot_be_started(self) -> None:
        import subprocess

        with Gate().guarded(5):
            with pytest.raises(EgressRefusedError, match="threads or programs"):
                threading.Thread(target=print).start()
            with pytest.raises(EgressRefusedError, match="threads or programs"):
                subprocess.run(["true"], check=True)

    def test_outside_of_the_block_and_in_other_threads_nothing_is_refused(self, receiver: Receiver) -> None:
        codes = list[int]()
        go = threading.Event()

        def other() -> None:
            go.wait(5)
            codes.append(httpx2.get(receiver.url, trust_env=False).status_code)

        thread = threading.Thread(target=other)
        thread.start()
        with Gate().guarded(5):
            go.set()
            thread.join()
        codes.append(httpx2.get(receiver.url, trust_env=False).status_code)
        assert codes == [200, 200]


class TestOtherLibraries:
    def test_requests(self, receiver: Receiver) -> None:
        with Gate().guarded(5) as guard, pytest.raises(requests.ConnectionError):
            requests.post(receiver.url, timeout=5)
        assert "localhost is at" in guard.refusal
        assert receiver.hits == 0

    def test_requests_led_inside_by_a_redirect(self, receiver: Receiver) -> None:
        with Receiver() as inside:
            receiver.mode, receiver.location = "redirect", f"http://127.0.0.1:{inside.port}/"
            with (
                Gate(["localhost"]).guarded(5) as guard,
                pytest.raises(requests.ConnectionError),
                requests.Session() as one,
            ):
                one.get(receiver.url, timeout=5)
            assert "127.0.0.1 is no public address" in guard.refusal
            assert (receiver.hits, inside.hits) == (1, 0)

    def test_smtplib(self, receiver: Receiver) -> None:
        with Gate().guarded(5), pytest.raises(EgressRefusedError):
            smtplib.SMTP("localhost", receiver.port, timeout=5)
        assert receiver.hits == 0


class TestDeadline:
    @pytest.mark.parametrize("mode", ["hang", "drip"])
    def test_a_receiver_that_hangs_or_drips_is_cut(self, receiver: Receiver, mode: str) -> None:
        receiver.mode = mode
        started = time.monotonic()
        with pytest.raises(httpx2.ReadTimeout, match=r"within 0\.5 s"):
            get(receiver.url, "localhost", timeout=0.5)
        assert 0.4 < time.monotonic() - started < 2.0

    def test_requests_that_drip_are_cut_as_well(self, receiver: Receiver) -> None:
        receiver.mode = "drip"
        started = time.monotonic()
        with Gate(["localhost"]).guarded(0.5) as guard:
            requests.get(receiver.url, timeout=5)  # which takes the header that was cut for a whole one
        assert guard.expired
        assert time.monotonic() - started < 2.0

    def test_no_connection_after_it(self, receiver: Receiver) -> None:
        with Gate(["localhost"]).guarded(0.01) as guard:
            while not guard.expired:
                time.sleep(0.005)
            with pytest.raises(TimeoutError):
                socket.create_connection(("127.0.0.1", receiver.port))

    def test_descriptors_are_given_back(self, receiver: Receiver) -> None:
        def opened() -> int:
            return len(list(Path("/proc/self/fd").iterdir()))

        get(receiver.url, "localhost")
        before = opened()
        for _ in range(20):
            get(receiver.url, "localhost")
        assert opened() <= before + 2


class TestTls:
    @pytest.fixture(autouse=True)
    def _fresh(self) -> Iterator[None]:
        _trusted.cache_clear()
        yield
        _trusted.cache_clear()

    def speak(
        self,
        tmp_path: Path,
        monkeypatch: pytest.MonkeyPatch,
        name: str,
        mode: str,
        *,
        known: bool,
        timeout: float = 5.0,
    ) -> httpx2.Response:
        made = certificate(tmp_path, name)
        if known:
            monkeypatch.setenv("SSL_CERT_FILE", str(made))
        with Receiver(mode, certificate=made) as receiver:
            return get(receiver.url, "127.0.0.0/8", timeout=timeout)

    def test_a_certificate_that_is_known(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        assert self.speak(tmp_path, monkeypatch, "localhost", "ok", known=True).status_code == 200

    @pytest.mark.parametrize(("name", "known"), [("localhost", False), ("other.example", True)])
    def test_others(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, known: bool) -> None:
        with pytest.raises(httpx2.ConnectError, match="CERTIFICATE_VERIFY_FAILED"):
            self.speak(tmp_path, monkeypatch, name, "ok", known=known)

    def test_the_deadline_cuts_an_encrypted_drip(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        started = time.monotonic()
        with pytest.raises(httpx2.ReadTimeout, match=r"within 0\.5 s"):
            self.speak(tmp_path, monkeypatch, "localhost", "drip", known=True, timeout=0.5)
        assert time.monotonic() - started < 3.0


class TestAnswers:
    def test_of_an_endless_one_64_kb_are_read(self, receiver: Receiver) -> None:
        receiver.mode = "huge"
        answer = get(receiver.url, "localhost")
        assert len(answer.content) == MOST_BYTES
        assert receiver.sent < 20_000_000  # what fits the kernel's buffers

    def test_packed_ones_are_not_unpacked(self, receiver: Receiver) -> None:
        receiver.mode = "packed"
        assert get(receiver.url, "localhost").content == b""
        assert receiver.requests[0].headers["accept-encoding"] == "identity"
