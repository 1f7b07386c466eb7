"""Which address people may be sent to: of the place itself, encrypted, and without anything that follows them."""

from typing import Annotated
from urllib.parse import parse_qsl, urlsplit

from pydantic import AfterValidator, AnyUrl, TypeAdapter, UrlConstraints, ValidationError, ValidationInfo

from services.referrals.rules.hooks import may_be_public
from shared.neutral import is_kept

FOLLOWING = {
    "fbclid", "gclid", "dclid", "gbraid", "wbraid", "msclkid", "yclid", "twclid", "ttclid", "igshid", "li_fat_id",
    "mc_cid", "mc_eid", "mkt_tok", "vero_id", "ref", "referrer", "affiliate", "campaign", "cid", "_ga", "_gl",
}  # fmt: skip
FAMILIES = ("utm_", "_hs", "hsa_", "pk_", "mtm_", "matomo_")
"""Parameters, and beginnings of parameters, by which somebody who came is counted or known again."""

SHORTENERS = ("bit.ly", "t.co", "tinyurl.com", "goo.gl", "ow.ly", "is.gd", "buff.ly", "lnkd.in", "rb.gy", "cutt.ly")
"""Whoever shortens an address counts who comes by, and may send them elsewhere tomorrow."""


WRITTEN = TypeAdapter[AnyUrl](
    Annotated[AnyUrl, UrlConstraints(allowed_schemes=["https"], host_required=True, max_length=500)]
)


def _followed_by_nobody(written: str, told: ValidationInfo) -> str:
    if is_kept(told):
        return written
    try:
        link = str(WRITTEN.validate_python(written.strip()))
    except ValidationError:
        raise ValueError("write an https address, for example https://www.example.org/groups") from None
    address = urlsplit(link)
    if address.username or address.password:
        raise ValueError("the address holds a name or a password: leave them out")
    if not may_be_public((address.hostname or "").rstrip(".")):
        raise ValueError("name a public host, for example www.example.org")
    if _host(address.hostname or "") in SHORTENERS:
        raise ValueError("give the address itself: whoever shortened it counts who comes by")
    if found := [name for name, _ in parse_qsl(address.query, keep_blank_values=True) if _follows(name)]:
        raise ValueError(f"leave out what follows people: {', '.join(sorted(set(found)))}")
    return link


def _host(host: str) -> str:
    return host.lower().rstrip(".").removeprefix("www.")


def _follows(parameter: str) -> bool:
    name = parameter.lower()
    return name in FOLLOWING or name.startswith(FAMILIES)


Link = Annotated[str, AfterValidator(_followed_by_nobody)]
"""An https address of a public host, as a browser reads it."""
