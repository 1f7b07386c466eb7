"""One function for each thing that can happen: load, decide, save, return what is said."""

from services.notifications.handlers.crisis import hold, page_again, record_page, release
from services.notifications.handlers.people import know_contact, know_supporter
from services.notifications.handlers.plan import cancel, plan_reminders
from services.notifications.handlers.replies import Inbound, hear, record_answer
from services.notifications.handlers.ring import record, ring

__all__ = [
    "Inbound",
    "cancel",
    "hear",
    "hold",
    "know_contact",
    "know_supporter",
    "page_again",
    "plan_reminders",
    "record",
    "record_answer",
    "record_page",
    "release",
    "ring",
]
