"""Which addresses may be connected to: public ones, and what the administrator allowed by name or network.

An address that carries another (IPv4-mapped, NAT64, 6to4, Teredo, …) counts as what it carries as well, since that is
where the packets end. Addresses of clouds' metadata services hand out credentials and are refused whatever is allowed.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network
from typing import Final

from drift.core.errors import ConfigError

Address = IPv4Address | IPv6Address
Network = IPv4Network | IPv6Network

METADATA: Final = frozenset(
    ip_address(text)
    for text in (
        "169.254.169.254",  # Amazon, Google, Azure, OpenStack, Oracle, DigitalOcean, …
        "169.254.169.253", "169.254.170.2", "169.254.170.23",  # Amazon: DNS, tasks, pods
        "fd00:ec2::254", "fd00:ec2::253", "fd00:ec2::23",  # Amazon by IPv6
        "fd20:ce::254",  # Google by IPv6
        "100.100.100.200",  # Alibaba
        "168.63.129.16",  # Azure's host agent
        "169.254.0.23",  # Tencent
        "169.254.42.42", "fd00:42::42",  # Scaleway
        "192.0.0.192",  # Oracle, older
    )
)  # fmt: skip
_CLOSED: Final = tuple(
    ip_network(text)
    for text in (
        # beyond what `is_global` says, which differs between releases of Python
        "0.0.0.0/8", "100.64.0.0/10", "192.0.0.0/24", "192.88.99.0/24", "198.18.0.0/15", "240.0.0.0/4",
        "::/96", "64:ff9b:1::/48", "100::/64", "2001::/23", "2001:db8::/32", "3fff::/20", "5f00::/16", "fec0::/10",
    )
)  # fmt: skip
_MAPPED: Final = ip_network("::ffff:0:0/96")
_LAST_32: Final = tuple(ip_network(text) for text in ("::/96", "::ffff:0:0/96", "64:ff9b::/96", "::ffff:0:0:0/96"))
_ISATAP: Final = (0x00005EFE, 0x02005EFE)


@dataclass(frozen=True, slots=True)
class Policy:
    """What is allowed beyond public addresses."""

    names: frozenset[str] = frozenset()
    """Hosts that may have any address but metadata's."""
    networks: tuple[Network, ...] = ()

    @staticmethod
    def parse(allow: Iterable[str]) -> "Policy":
        """From `10.0.0.0/8`, `10.1.2.3`, `alertmanager.monitoring.svc`.

        Raises:
            ConfigError: neither a name nor a network.
        """
        names, networks = set[str](), list[Network]()
        for text in allow:
            network = _network(text)
            if network is None:
                names.add(_host(text))
            else:
                networks.append(network)
        return Policy(frozenset(names), tuple(networks))

    def trusts(self, address: Address, host: str) -> bool:
        """Whether the address, of a connection to that host, was allowed explicitly."""
        return plain_name(host) in self.names or all(
            any(one.version == net.version and one in net for net in self.networks) for one in _ends(address)
        )

    def refusal(self, address: Address, host: str) -> str:
        """Why there must be no connection to the address; empty: there may."""
        ends = set(_ends(address))
        if ends & METADATA:
            return f"{address} is an address of a cloud's metadata service, which nothing is ever sent to"
        closed = [one for one in ends if not _public(one)]
        if not closed or self.trusts(address, host):
            return ""
        shown = host or str(address)
        where = shown if shown == str(address) else f"{shown} is at {address}, which"
        return f"{where} is no public address; if it is meant, add {shown} to egress.allow"


def plain_name(host: str) -> str:
    """A host's name as names are compared."""
    return host.lower().removesuffix(".")


def parse_address(text: str) -> Address | None:
    """The address of a literal; None: it is a name."""
    try:
        return ip_address(text.partition("%")[0])
    except ValueError:
        return None


def _network(text: str) -> Network | None:
    if parse_address(text.strip("[]")) is not None:
        return ip_network(text.strip("[]"))
    if "/" not in text or "://" in text:
        return None
    try:
        return ip_network(text)
    except ValueError as error:
        raise ConfigError(f"{text!r} is no network ({error}); write one as in 10.0.0.0/8, or a host's name") from error


def _host(text: str) -> str:
    name = plain_name(text.strip())
    try:
        ascii_name = name.encode("idna").decode()
    except UnicodeError:
        ascii_name = ""
    if not ascii_name or not all(c.isalnum() or c in "-_." for c in ascii_name):
        raise ConfigError(
            f"{text!r} is no host's name; write it without scheme, port and path, as in hooks.example.com"
        )
    return ascii_name


def _ends(address: Address) -> Iterator[Address]:
    """The address, and those that it carries; of a mapped one only what it carries."""
    if isinstance(address, IPv4Address):
        yield address
        return
    inner = tuple(_carried(address))
    if address not in _MAPPED:
        yield IPv6Address(int(address))
    yield from inner


def _carried(address: IPv6Address) -> Iterator[IPv4Address]:
    number = int(address)
    if any(address in net for net in _LAST_32) and number > 1:
        yield IPv4Address(number & 0xFFFFFFFF)
    if address.sixtofour is not None:
        yield address.sixtofour
    if address.teredo is not None:
        yield from address.teredo
    if (number >> 32) & 0xFFFFFFFF in _ISATAP:
        yield IPv4Address(number & 0xFFFFFFFF)


def _public(address: Address) -> bool:
    return (
        address.is_global
        and not address.is_multicast
        and not any(address.version == net.version and address in net for net in _CLOSED)
    )
