"""Tells people about their visits, in discreet words and at decent hours, and hears what they answer."""

OWNS = (
    "people",
    "reaches",
    "opt_outs",
    "holds",
    "supporters",
    "sessions",
    "reminders",
    "replies",
    "answers",
    "pages",
)
HEARS = (
    "ContactShared",
    "ConsentGiven",
    "ConsentRevoked",
    "CrisisRaised",
    "RiskCleared",
    "SupporterRegistered",
    "SeriesBooked",
    "SessionCancelled",
    "ReminderFellDue",
    "PageFellDue",
)
SAYS = ("ReminderPlanned", "ReminderSent", "ReminderSkipped", "ReminderFailed", "OptedOut", "VisitAnswered")
