"""Which endpoints may be called, at which addresses, and with which headers: nothing of an inner network, ever."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from ipaddress import ip_address, ip_network

WRITTEN = re.compile(
    r"(?P<scheme>https?)://(?P<host>[A-Za-z0-9.-]+|\[[0-9A-Fa-f:.]+\])(?::(?P<port>[0-9]{1,5}))?"
    r"(?P<rest>(?:/[A-Za-z0-9._~!$&'()*+,;=:@/%-]*)?(?:\?[A-Za-z0-9._~!$&'()*+,;=:@/?%-]*)?)"
)
"""All of a URL, so strictly that whoever reads it after us finds the same host in it."""

LABEL = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?")
NUMBER = re.compile(r"\d+|0x[0-9a-f]*")
USUAL_PORTS = {"https": 443, "http": 80}
LONGEST = 2_000
INSIDE = ("localhost", "localdomain", "local", "internal", "intranet", "lan", "home", "corp", "home.arpa", "onion")
"""Where names end that mean something on an inner network only."""

NOT_PUBLIC = tuple(
    map(
        ip_network,
        (
            "0.0.0.0/8", "10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8", "169.254.0.0/16", "172.16.0.0/12",
            "192.0.0.0/24", "192.0.2.0/24", "192.88.99.0/24", "192.168.0.0/16", "198.18.0.0/15", "198.51.100.0/24",
            "203.0.113.0/24", "224.0.0.0/4", "240.0.0.0/4", "168.63.129.16/32",
            "2001::/23", "2001:db8::/32", "2002::/16", "3fff::/20",
        ),
    )
)  # fmt: skip
"""What the registries of special purposes keep from the public, what wraps another address (Teredo, 6to4), and the
address at which one cloud serves its machines."""

PUBLIC_V6 = ip_network("2000::/3")
"""All that is given out of IPv6: mapped, translated, unique local, link-local and multicast addresses lie outside."""

NAME = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]{1,100}")
VALUE = re.compile(r"[\x21-\x7e](?:[\x20-\x7e]*[\x21-\x7e])?")
LONGEST_VALUE = 4_000
OURS = {
    "accept", "accept-encoding", "connection", "content-encoding", "content-length", "content-type", "cookie", "date",
    "expect", "forwarded", "host", "http2-settings", "keep-alive", "te", "trailer", "transfer-encoding", "upgrade",
    "user-agent", "via",
}  # fmt: skip
"""Headers that say how the call itself is made: they are never a subscriber's."""


class NotAllowed(ValueError):
    """An endpoint or a header that is not allowed; the message says what to send instead."""


@dataclass(frozen=True, kw_only=True)
class Reach:
    """What may be called: any public host at these ports, by https; `origins` also where they are inside, or http."""

    origins: frozenset[str] = frozenset()
    ports: frozenset[int] = frozenset({443, 8443})


@dataclass(frozen=True, kw_only=True)
class Reaches:
    """What each organisation may have called: any public host, and the `origins` that are its own, by organisation."""

    origins: Mapping[str, frozenset[str]] = field(default_factory=dict)
    ports: frozenset[int] = Reach.ports

    def of(self, organisation: str) -> Reach:
        """This will give what one organisation may have called."""
        return Reach(origins=self.origins.get(organisation, frozenset()), ports=self.ports)


@dataclass(frozen=True, kw_only=True)
class Endpoint:
    """An endpoint that may be called; the addresses of one that is `named` by the operator need not be public."""

    url: str
    host: str
    named: bool


def endpoint(url: str, reach: Reach) -> Endpoint:
    """This will read the URL of an endpoint; NotAllowed where it is none that may be called."""
    found = WRITTEN.fullmatch(url) if len(url) <= LONGEST else None
    if not found:
        raise NotAllowed("write an absolute https URL of plain characters, without user, password and fragment")
    host = found["host"].lower()
    port = int(found["port"] or USUAL_PORTS[found["scheme"]])
    if f"{found['scheme']}://{host}:{port}" in reach.origins:
        return Endpoint(url=url, host=host, named=True)
    if found["scheme"] != "https":
        raise NotAllowed("let the endpoint be https")
    if port not in reach.ports:
        raise NotAllowed(f"let the endpoint listen on port {' or '.join(map(str, sorted(reach.ports)))}")
    if not may_be_public(host):
        raise NotAllowed("name a public host by its whole name, not by its address")
    return Endpoint(url=url, host=host, named=False)


def origin(written: str) -> str:
    """This will give an origin with its port, as an operator names one; ValueError where it is none."""
    found = WRITTEN.fullmatch(written)
    if not found or found["rest"] not in ("", "/"):
        raise ValueError(f"{written!r} must be an origin, such as https://hooks.hospital.internal:8443")
    return f"{found['scheme']}://{found['host'].lower()}:{found['port'] or USUAL_PORTS[found['scheme']]}"


def may_be_public(host: str) -> bool:
    """This will say whether a host (in lower case) is a name that the public internet may know."""
    labels = host.split(".")
    return (
        len(labels) > 1
        and len(host) <= 253
        and all(LABEL.fullmatch(each) for each in labels)
        and not NUMBER.fullmatch(labels[-1])
        and not any(host.endswith(f".{each}") for each in INSIDE)
    )


def is_public(address: str) -> bool:
    """This will say whether an IP address belongs to the public internet, and to nothing beside it."""
    try:
        found = ip_address(address)
    except ValueError:
        return False
    if found.version == 6 and (found.scope_id or found not in PUBLIC_V6):
        return False
    return not any(found in each for each in NOT_PUBLIC if each.version == found.version)


def headers(lines: Iterable[str]) -> dict[str, str]:
    """This will read headers that a subscriber wants to get, `Name: value`; NotAllowed says what is wrong with one."""
    wanted: dict[str, str] = {}
    for line in lines:
        name, colon, value = line.partition(":")
        value = value.strip(" ")
        if not colon or not NAME.fullmatch(name) or not VALUE.fullmatch(value) or len(value) > LONGEST_VALUE:
            raise NotAllowed("write a header in one line of plain characters: `Authorization: Bearer ...`")
        if name.lower() in OURS or name.lower().startswith(("proxy-", "sec-", "x-forwarded-")):
            raise NotAllowed("leave out headers that say how the call itself is made")
        if name.lower() in map(str.lower, wanted):
            raise NotAllowed("give each header once")
        wanted[name] = value
    return wanted
