"""Who may be told what: one pure rule, asked at every outward edge."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

PART2_NOTICE = "42 CFR part 2 prohibits unauthorized use or disclosure of these records."


@dataclass(frozen=True)
class Consent:
    """What a person agreed to; `recipients` are organisation ids or classes: `referrer`, `payer`, `supporter`, ..."""

    consent_id: UUID
    person_id: UUID
    discloser: str
    recipients: frozenset[str]
    purposes: frozenset[str]
    part2: bool
    signed_at: datetime
    expires_at: datetime | None = None
    revoked_at: datetime | None = None
    scope: str = ""


def may_disclose(
    consents: Iterable[Consent],
    *,
    recipient: str,
    classes: Iterable[str] = (),
    purpose: str,
    at: datetime,
    part2: bool,
) -> Consent | None:
    """This will find the consent that lets `recipient` (an id, which belongs to `classes`) be told for `purpose`.

    Records under 42 CFR Part 2 need a consent that covers them. None means: omit silently.
    """
    told = {recipient, *classes}
    for each in sorted(consents, key=lambda consent: consent.signed_at, reverse=True):
        running = each.signed_at <= at and (not each.expires_at or at < each.expires_at) and not each.revoked_at
        if running and told & each.recipients and purpose in each.purposes and (each.part2 or not part2):
            return each
    return None


def in_words(consent: Consent, *, recipient: str) -> str:
    """This will explain what a consent covers, as it goes with what `recipient` is told; who else is told, it omits."""
    until = f"until {consent.expires_at.date()}" if consent.expires_at else "until it is taken back in writing"
    told = f"to {recipient} for {', '.join(sorted(consent.purposes))}"
    return "; ".join(filter(None, [consent.scope, told, f"signed {consent.signed_at.date()}, {until}"]))
