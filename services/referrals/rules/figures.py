"""The figures of the referrals service, from plain counts."""

from collections.abc import Mapping

from services.referrals.rules.journey import STATES

OUTCOMES = ("accepted", "crisis_review", "needs_screen", "needs_info")
REACHED: dict[str, tuple[str, ...]] = {
    "waitlisted": ("waitlisted",),
    "matched": ("matched", "first_scheduled", "engaged", "lapsed", "completed"),
    "first_scheduled": ("first_scheduled", "engaged", "lapsed", "completed"),
    "engaged": ("engaged", "completed"),
    "completed": ("completed",),
}


def figures(counts: Mapping[str, int]) -> dict[str, int]:
    """This will give the figures that add up to what was posted.

    Outcomes are the first ones, so that accepted + crisis_review + needs_screen + needs_info + refused + duplicates is
    the number of posts; `referrals_in_<state>` are the present states, `referrals_<stage>` who got at least that far.
    What came for tests is in none of them; `referrals_for_tests` counts it. `referrals_pointers_...` count what people
    were pointed to, followed, and say helped: no visits, and in no other figure.
    """
    first = {f"referrals_{each}": counts.get(f"first_{each}", 0) for each in OUTCOMES}
    declined = counts.get("first_refused", 0)
    found = {
        "referrals_received": sum(first.values()) + declined,
        **first,
        "referrals_declined": declined,
        "referrals_refused": declined + counts.get("refusals", 0),
        "referrals_duplicates": counts.get("repeats", 0),
        "referrals_for_tests": counts.get("test", 0),
        **{f"referrals_pointers_{each}": counts.get(each, 0) for each in ("pointed", "linked", "helped")},
    }
    found |= {f"referrals_in_{each}": counts.get(f"in_{each}", 0) for each in STATES}
    return found | {
        f"referrals_{stage}": sum(counts.get(f"in_{each}", 0) for each in states) for stage, states in REACHED.items()
    }
