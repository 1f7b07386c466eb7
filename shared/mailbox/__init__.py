"""Carries what services say to each other: once, in order, in one transaction with what it changes.

What a handler may say is here, for every room; the box itself is `shared.mailbox.box`, for a service's `app.py` alone.
"""

from shared.mailbox.said import Answer, Ask, Errand, Ingested, Later, Reply, Run, Said, Status, Trip

__all__ = ["Answer", "Ask", "Errand", "Ingested", "Later", "Reply", "Run", "Said", "Status", "Trip"]
