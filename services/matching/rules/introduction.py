"""What a supporter is told before they say yes: the least that lets them decide."""

from datetime import datetime
from typing import Any

from services.matching.rules.people import Candidate, Seeker
from services.matching.rules.slots import common_slots, way_to_meet

TIMES_SHOWN = 6


def introduce(seeker: Seeker, candidate: Candidate, *, now: datetime) -> dict[str, Any]:
    """This will tell a supporter of a person: no name, no history, only what both share and when they could meet."""
    ours = candidate.supporter
    wanted, needs = seeker.preferences, seeker.needs
    return {
        "urgency": seeker.urgency,
        "site_id": seeker.site_id,
        "age_band": seeker.age_band,
        "languages": [each for each in wanted.languages if each in {one.code for one in ours.languages}],
        "modality": way_to_meet(seeker, candidate),
        "goals": needs.goals,
        "both": sorted(set(needs.life_tags) & set(ours.life_tags)),
        "zone": seeker.zone,
        "times": [each.model_dump() for each in common_slots(seeker, candidate, now=now)[:TIMES_SHOWN]],
    }
