"""Addresses in one form only, so that a person who writes is found again; None where there is no such address."""

import re

import phonenumbers

MAIL = re.compile(
    r"[A-Za-z0-9.!#$%&'*+/=?^_`{|}~-]{1,64}@[A-Za-z0-9](?:[A-Za-z0-9-]*[A-Za-z0-9])?(?:\.[A-Za-z0-9-]{1,63})+"
)


def phone(number: str, *, region: str) -> str | None:
    """This will give a phone number as E.164 (`+12025550143`); `region` is where numbers without a `+` are from."""
    try:
        found = phonenumbers.parse(number, region)
    except phonenumbers.NumberParseException:
        return None
    if not phonenumbers.is_possible_number(found):
        return None
    return phonenumbers.format_number(found, phonenumbers.PhoneNumberFormat.E164)


def mail(address: str) -> str | None:
    """This will give a mail address of one recipient: no spaces, commas, line breaks or display names."""
    bare = address.strip()
    return bare if len(bare) <= 254 and MAIL.fullmatch(bare) and not bare.startswith(".") else None


def normalised(channel: str, address: str, *, region: str) -> str | None:
    """This will give an address of a channel in its one form."""
    return mail(address) if channel == "email" else phone(address, region=region)
