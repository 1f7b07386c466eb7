"""Tells people about their visits, in discreet words and at decent hours, and hears what they answer."""

OWNS = (
    "answers",
    "holds",
    "opt_outs",
    "pages",
    "people",
    "reaches",
    "reminders",
    "replies",
    "sessions",
    "supporters",
)
HEARS = (
    "matching.supporter-registered.v1",
    "notifications.page-fell-due.v1",
    "notifications.page-unanswered.v1",
    "notifications.reminder-fell-due.v1",
    "referrals.consent-given.v1",
    "referrals.consent-revoked.v1",
    "referrals.contact-shared.v1",
    "referrals.crisis-acknowledged.v1",
    "referrals.crisis-raised.v1",
    "referrals.risk-cleared.v1",
    "scheduling.series-booked.v1",
    "scheduling.session-cancelled.v1",
)
SAYS = (
    "notifications.on-call-paged.v1",
    "notifications.opted-out.v1",
    "notifications.page-fell-due.v1",
    "notifications.page-on-call.v1",
    "notifications.page-unanswered.v1",
    "notifications.reminder-failed.v1",
    "notifications.reminder-fell-due.v1",
    "notifications.reminder-sent.v1",
    "notifications.reminder-skipped.v1",
    "notifications.reminders-planned.v1",
    "notifications.send-answer.v1",
    "notifications.send-reminder.v1",
    "notifications.visit-answered.v1",
)
