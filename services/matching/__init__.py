"""Matching: who may walk beside whom, who is asked first, and what is offered to those who wait."""

OWNS = (
    "supporters",
    "offerings",
    "referrals",
    "offers",
    "matches",
    "decisions",
    "bridges",
    "refusals",
)
HEARS = (
    "referrals.referral-accepted.v1",
    "referrals.referral-amended.v1",
    "referrals.referral-closed.v1",
    "referrals.referral-held.v1",
    "referrals.referral-linked.v1",
    "referrals.referral-refused.v1",
    "referrals.consent-given.v1",
    "referrals.consent-revoked.v1",
    "referrals.person-linked.v1",
    "scheduling.series-ended.v1",
    "matching.offer-declined.v1",
    "matching.offer-expired.v1",
    "matching.offer-fell-due.v1",
    "matching.room-freed.v1",
)
SAYS = (
    "matching.supporter-registered.v1",
    "matching.offer-made.v1",
    "matching.offer-declined.v1",
    "matching.offer-expired.v1",
    "matching.offer-fell-due.v1",
    "matching.referral-waitlisted.v1",
    "matching.bridge-offered.v1",
    "matching.match-made.v1",
    "matching.room-freed.v1",
)
