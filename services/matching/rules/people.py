"""The two sides of a decision: who needs somebody, and who may be asked."""

from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID

from services.matching.rules.supporter import Supporter
from shared.events.fact import Urgency
from shared.events.referrals import AgeBand, Needs, Preferences

NOBODY: frozenset[UUID] = frozenset()


@dataclass(frozen=True, kw_only=True)
class Seeker:
    """A person who needs an offer made; `asked` and `conflicts` are supporters not to be asked (again)."""

    referral_id: UUID
    person_id: UUID
    site_id: str
    zone: str
    urgency: Urgency
    arrived_at: datetime
    age_band: AgeBand
    needs: Needs
    preferences: Preferences
    funded: bool
    priority: int = 0
    lost_offers: int = 0
    asked: frozenset[UUID] = NOBODY
    conflicts: frozenset[UUID] = NOBODY

    def told(self) -> str:
        """This will write everything the decision depends on."""
        known = (self.referral_id, self.site_id, self.zone, self.arrived_at.isoformat(), self.age_band, self.funded)
        others = (self.priority, self.lost_offers, sorted(map(str, self.asked)), sorted(map(str, self.conflicts)))
        return f"{known} {others} {self.needs.model_dump_json()} {self.preferences.model_dump_json()}"


@dataclass(frozen=True, kw_only=True)
class Candidate:
    """A supporter and how much they already hold, in tenths of a person; `zone` is where their windows are."""

    supporter_id: UUID
    supporter: Supporter
    zone: str
    held: int = 0
    digest: str = field(default="", repr=False)

    def rooms(self, new_person: int) -> int:
        """This will count the new people who may be given to them: each while the caseload is below the cap."""
        return max(0, -(-(self.supporter.cap - self.held) // new_person))

    def told(self) -> str:
        """This will write everything the decision depends on."""
        return f"{self.supporter_id} {self.digest or self.supporter.model_dump_json()} {self.zone} {self.held}"
