"""When they meet, what was held, and what is covered of it.

It also hears what insurers post on `ingest.<org>.coverage.v1` and `ingest.<org>.authorization.v1`, and whoever holds
sessions on `ingest.<org>.attendance.v1`, and tells them on `status.<org>.<kind>.v1` what became of it.
"""

OWNS = ("series", "sessions", "seats", "supporters", "coverages", "statements", "labels", "disclosures")
HEARS = (
    "matching.match-made.v1",
    "matching.supporter-registered.v1",
    "notifications.visit-answered.v1",
    "referrals.consent-given.v1",
    "referrals.consent-revoked.v1",
    "referrals.coverage-shared.v1",
    "referrals.person-linked.v1",
    "referrals.referral-accepted.v1",
    "referrals.referral-amended.v1",
    "scheduling.insurer-told.v1",
    "scheduling.session-unrecorded.v1",
    "scheduling.statements-fell-due.v1",
)
SAYS = (
    "scheduling.coverage-changed.v1",
    "scheduling.insurer-told.v1",
    "scheduling.seat-held.v1",
    "scheduling.seat-missed.v1",
    "scheduling.series-booked.v1",
    "scheduling.series-ended.v1",
    "scheduling.series-not-booked.v1",
    "scheduling.session-cancelled.v1",
    "scheduling.session-unrecorded.v1",
    "scheduling.statements-fell-due.v1",
)
