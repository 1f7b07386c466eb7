"""Takes in referrals, and knows what became of each.

It also hears what organisations post on `ingest.<org>.referral.v1`, and tells them on `status.<org>.referral.v1`; who
subscribed is called when there is something new.
"""

OWNS = (
    "persons",
    "traits",
    "likenesses",
    "referrals",
    "timeline",
    "refusals",
    "repeats",
    "assertions",
    "subscriptions",
    "subscription_events",
    "disclosures",
    "reports",
    "directory",
    "pointers",
)
HEARS = (
    "matching.offer-made.v1",
    "matching.referral-waitlisted.v1",
    "matching.bridge-offered.v1",
    "matching.match-made.v1",
    "referrals.comparison-fell-due.v1",
    "referrals.outcome-fell-due.v1",
    "referrals.referral-fell-due.v1",
    "referrals.subscription-fell-due.v1",
    "scheduling.series-booked.v1",
    "scheduling.series-not-booked.v1",
    "scheduling.seat-held.v1",
    "scheduling.seat-missed.v1",
    "scheduling.series-ended.v1",
    "notifications.on-call-paged.v1",
)
SAYS = (
    "referrals.referral-accepted.v1",
    "referrals.referral-amended.v1",
    "referrals.referral-held.v1",
    "referrals.referral-refused.v1",
    "referrals.referral-closed.v1",
    "referrals.referral-linked.v1",
    "referrals.referral-fell-due.v1",
    "referrals.crisis-raised.v1",
    "referrals.crisis-acknowledged.v1",
    "referrals.risk-cleared.v1",
    "referrals.consent-given.v1",
    "referrals.consent-revoked.v1",
    "referrals.person-linked.v1",
    "referrals.contact-shared.v1",
    "referrals.coverage-shared.v1",
    "referrals.notify-subscriber.v1",
    "referrals.comparison-fell-due.v1",
    "referrals.outcome-fell-due.v1",
    "referrals.subscription-fell-due.v1",
)
