"""E-mail by SMTP, with a Message-ID made from the key."""

from email.headerregistry import Address
from email.message import EmailMessage
from email.utils import format_datetime
from urllib.parse import unquote, urlsplit

import aiosmtplib

from services.notifications.rules.providers import Answer
from services.notifications.rules.words import Message
from shared.clock import now

SECONDS = 8.0
NEVER_ARRIVED = (aiosmtplib.SMTPConnectError, aiosmtplib.SMTPAuthenticationError, aiosmtplib.SMTPHeloError)


class Smtp:
    """An SMTP server: `smtp://host:25`, `smtp://user:password@host:587` (STARTTLS) or `smtps://host:465`."""

    def __init__(self, url: str, *, sender: str, dedups: bool = False) -> None:
        place = urlsplit(url)
        if place.scheme not in ("smtp", "smtps") or not place.hostname:
            raise ValueError("The SMTP URL is written smtp://host:port or smtps://host:port, or test: for a rehearsal.")
        self.sender, self.dedups = sender, dedups
        self.host, self.secure = place.hostname, place.scheme == "smtps"
        self.port = place.port or (465 if self.secure else 25)
        self.user = unquote(place.username) if place.username else None
        self.password = unquote(place.password) if place.password else None

    async def send(self, message: Message, *, to: str, key: str) -> Answer:
        """This will hand a mail to the server; a connection lost half-way leaves it unknown whether it went out."""
        letter = compose(message, sender=self.sender, to=to, key=key)
        try:
            await aiosmtplib.send(
                letter,
                hostname=self.host,
                port=self.port,
                username=self.user,
                password=self.password,
                use_tls=self.secure,
                timeout=SECONDS,
            )
        except NEVER_ARRIVED:
            return Answer("unreachable")
        except (aiosmtplib.SMTPRecipientsRefused, aiosmtplib.SMTPResponseException) as wrong:
            return Answer("refused" if _is_for_ever(wrong) else "unreachable")
        except (aiosmtplib.SMTPException, OSError, TimeoutError):
            return Answer("unknown")
        return Answer("accepted", letter["Message-ID"])


def compose(message: Message, *, sender: str, to: str, key: str) -> EmailMessage:
    """This will write one mail to one recipient; ValueError when an address would break out of its header."""
    user, _, domain = to.rpartition("@")
    letter = EmailMessage()
    letter["From"] = sender
    letter["To"] = Address(username=user, domain=domain)
    letter["Subject"] = message.subject
    letter["Message-ID"] = f"<{key}@{sender.rpartition('@')[2]}>"
    letter["Date"] = format_datetime(now())
    letter["Auto-Submitted"] = "auto-generated"
    letter.set_content(message.text + "\n")
    return letter


def _is_for_ever(wrong: aiosmtplib.SMTPRecipientsRefused | aiosmtplib.SMTPResponseException) -> bool:
    """This will say whether the server will never take the mail (5xx), rather than not now (4xx)."""
    if isinstance(wrong, aiosmtplib.SMTPRecipientsRefused):
        return all(each.code >= 500 for each in wrong.recipients)
    return wrong.code >= 500 and not isinstance(wrong, aiosmtplib.SMTPSenderRefused)
