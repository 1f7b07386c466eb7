"""What a form is known by, and the link to the page of whoever sent it: nobody can guess or make either."""

import base64
import hmac
import re
import secrets

from services.referrals.rules.order import Identifier
from shared.sealed import lookup

SYSTEM = "urn:alongside:asked"
LINK = re.compile(r"[A-Za-z0-9_-]{43}")


def new_form() -> str:
    """This will give what a new form is known by: 256 random bits, with our mark, so that no other is taken for one."""
    drawn = secrets.token_urlsafe(32)
    return f"{drawn}.{_mark(drawn)}"


def link_of(form: str) -> str | None:
    """This will give the link of whoever sends a form, always the same; None where the form is none of ours."""
    drawn, _, mark = form.partition(".")
    if not hmac.compare_digest(mark.encode(), _mark(drawn).encode()):
        return None
    return base64.urlsafe_b64encode(bytes.fromhex(lookup("link of a form", drawn))).decode().rstrip("=")


def corrected(link: str, content: str) -> str:
    """This will give the link of a form that was sent again with another content, always the same for that."""
    return (
        base64.urlsafe_b64encode(bytes.fromhex(lookup("link of a correction", f"{link} {content}")))
        .decode()
        .rstrip("=")
    )


def number_of(link: str) -> Identifier | None:
    """This will give the number a link's referral is kept by, from which nobody finds the link; None for no link."""
    return Identifier(system=SYSTEM, value=lookup("number of a link", link)) if LINK.fullmatch(link) else None


def _mark(drawn: str) -> str:
    return lookup("mark of a form", drawn)[:32]
