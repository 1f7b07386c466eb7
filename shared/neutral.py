"""Which words would tell a stranger why somebody comes: no label that leaves the programme has one of them."""

import re
import unicodedata

from pydantic import AfterValidator, ValidationInfo

TELLING = re.compile(
    r"\bpeer|recover|sober|sobriety|addict|alcohol|drug|opioid|substance|rehab|detox|\bmental|psych|depress|anxi|bipolar"
    r"|trauma|ptsd|suicid|crisis|grief|support group|therap|\billness|diagnos|\bhiv\b|anonymous|(?:12|twelve) step"
    r"|adicc|adict|droga|opioide|sustancia|sobrio|sobria|sobriedad|recupera|psic|psiq|depres|ansied|terap|duelo|enferm"
    r"|grupo de apoyo|anonimos|(?:12|doce) pasos"
    r"|\b(?:aa|na|nami|mha|sud)\b"
)
"""In English and Spanish, without case, accents and punctuation."""

KEPT = {"kept": True}
"""The context in which a store reads what it keeps: what was taken before a list of words grew stays readable."""


def neutral(label: str) -> str:
    """This will give a label that tells nobody why somebody comes; ValueError for one that does."""
    bare = unicodedata.normalize("NFKD", label).encode("ascii", "ignore").decode().lower()
    if TELLING.search(re.sub(r"[^a-z0-9]+", " ", bare.replace(".", ""))):
        raise ValueError(
            "the label tells a stranger why somebody comes; choose a neutral one, such as a place or a day"
        )
    return label


def is_kept(told: ValidationInfo) -> bool:
    """This will say whether something comes out of our own store, and was judged when it was taken."""
    return told.context is KEPT


def _judged(label: str, told: ValidationInfo) -> str:
    return label if is_kept(told) else neutral(label)


Neutral = AfterValidator(_judged)
"""What a label must pass that somebody writes."""
