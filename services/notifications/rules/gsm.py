"""What one text message can carry: the GSM-7 alphabet, counted in septets."""

import unicodedata

LIMIT = 160
"""Septets in one text message."""

BASIC = frozenset(
    "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿"
    "abcdefghijklmnopqrstuvwxyzäöñüà"
)
EXTENDED = frozenset("^{}\\[~]|€\f")
ALIKE = {"’": "'", "‘": "'", "–": "-", "—": "-", "“": '"', "”": '"'}  # noqa: RUF001


def septets(text: str) -> int:
    """This will count a text's septets; one that is not GSM-7 is sent as UCS-2, where 70 characters fill a message."""
    if any(each not in BASIC and each not in EXTENDED for each in text):
        return len(text.encode("utf-16-be")) // 2 + LIMIT - 70
    return sum(2 if each in EXTENDED else 1 for each in text)


def plain(text: str) -> str:
    """This will write a text in GSM-7 on one line: accents it lacks fall away, and what it cannot say becomes `?`."""
    return "".join(_plain(each) for each in text)


def _plain(character: str) -> str:
    if character.isspace():
        return " "
    if character in BASIC or character in EXTENDED:
        return character
    bare = "".join(each for each in unicodedata.normalize("NFKD", character) if not unicodedata.combining(each))
    return ALIKE.get(character) or (bare if bare and set(bare) <= BASIC else "?")
