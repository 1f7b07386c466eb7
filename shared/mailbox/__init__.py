"""Carries what services say to each other: once, in order, in one transaction with what it changes."""

from shared.mailbox.box import Mailbox
from shared.mailbox.said import Answer, Errand, Ingested, Later, Reply, Said, Status

__all__ = ["Answer", "Errand", "Ingested", "Later", "Mailbox", "Reply", "Said", "Status"]
