"""Access tokens of SMART Backend Services: sealed, so that nobody else can make or read one; for a few minutes."""

import base64
import json
from dataclasses import dataclass
from datetime import datetime, timedelta

from shared.sealed import seal, unseal

PREFIX, PLACE = "alt_", "access token"
LIVES = timedelta(minutes=5)


@dataclass(frozen=True)
class Access:
    """What a token stands for: whose it is, what it is for (SMART scopes), until when."""

    organisation: str
    scopes: tuple[str, ...]
    until: datetime


def issue(access: Access) -> str:
    """This will make a token."""
    told = {"organisation": access.organisation, "scopes": access.scopes, "until": access.until.isoformat()}
    return PREFIX + base64.urlsafe_b64encode(seal(json.dumps(told).encode(), place=PLACE)).decode()


def accept(token: str, *, at: datetime) -> Access | None:
    """This will give what a token stands for; None where it is none of ours, or over."""
    try:
        raw = unseal(base64.b64decode(token.removeprefix(PREFIX), altchars=b"-_", validate=True), place=PLACE)
        told = json.loads(raw)
    except ValueError:
        return None
    access = Access(told["organisation"], tuple(told["scopes"]), datetime.fromisoformat(told["until"]))
    return access if at < access.until else None
