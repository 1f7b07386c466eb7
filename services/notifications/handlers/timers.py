"""When a message is looked at: once as planned, and again whenever something about it has changed."""

from datetime import datetime
from uuid import UUID, uuid4

from shared.events.notifications import ReminderFellDue
from shared.mailbox import Later


def first_look(reminder_id: UUID, person_id: UUID, *, due: datetime) -> Later:
    """This will ring once for a planned message, however often its series is heard."""
    return Later(ReminderFellDue(reminder_id=reminder_id, person_id=person_id), due=due, key=f"reminder {reminder_id}")


def look_again(reminder_id: UUID, person_id: UUID, *, due: datetime) -> Later:
    """This will ring again, even at the moment at which it rang before; a ring too many finds nothing to do."""
    return Later(ReminderFellDue(reminder_id=reminder_id, person_id=person_id), due=due, key=f"reminder {uuid4()}")
