"""The knobs of the referrals service."""

from shared.settings import ServiceSettings


class Settings(ServiceSettings, service="referrals"):
    """What the referrals service is told at start; nothing beyond what every service is."""
