"""The knobs of the notifications service: `ALONGSIDE_NOTIFICATIONS_<KNOB>`."""

from datetime import time, timedelta

from pydantic import Field, SecretStr

from services.notifications.rules.sending import Limits
from services.notifications.rules.timing import Hours
from shared.settings import ServiceSettings


class Settings(ServiceSettings, service="notifications"):
    """`test:` rehearses: nobody is written to. Quiet hours are the recipient's: from `quiet_from` until `quiet_until`.

    `*_dedups` says whether the provider takes one key once: only then is an ambiguous time-out tried again. Without
    `pager_url` each site's own `on_call` address is paged. Without `inbound_secret` no incoming text is let in.
    """

    sms_url: str = "test:"
    sms_token: SecretStr = SecretStr("")
    sms_from: str = "+12025550100"
    sms_dedups: bool = True
    smtp_url: str = "test:"
    smtp_dedups: bool = False
    mail_from: str = "visits@alongside.example"
    pager_url: str = ""
    inbound_secret: SecretStr = SecretStr("")
    quiet_from: time = time(20)
    quiet_until: time = time(9)
    messages_a_day: int = Field(default=1, ge=1)
    messages_a_week: int = Field(default=3, ge=1)
    late_minutes: int = Field(default=360, ge=0)
    contact_hours: int = Field(default=24, ge=0)

    def limits(self) -> Limits:
        """This will give the knobs as the rules want them; ValueError when the allowed hours are empty."""
        return Limits(
            hours=Hours(opens=self.quiet_until, closes=self.quiet_from),
            a_day=self.messages_a_day,
            a_week=self.messages_a_week,
            late=timedelta(minutes=self.late_minutes),
            contact=timedelta(hours=self.contact_hours),
        )
