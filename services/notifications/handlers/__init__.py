"""One function for each thing that can happen: load, decide, save, return what is said."""

from services.notifications.handlers.crisis import escalate, hold, page_again, record_page, release, stand_down
from services.notifications.handlers.opting import OptingIn, Unknown, lift
from services.notifications.handlers.people import know_contact, know_supporter
from services.notifications.handlers.plan import cancel, plan_reminders
from services.notifications.handlers.replies import Inbound, hear, record_answer
from services.notifications.handlers.ring import record, ring

__all__ = [
    "Inbound",
    "OptingIn",
    "Unknown",
    "cancel",
    "escalate",
    "hear",
    "hold",
    "know_contact",
    "know_supporter",
    "lift",
    "page_again",
    "plan_reminders",
    "record",
    "record_answer",
    "record_page",
    "release",
    "ring",
    "stand_down",
]
