"""SMART scopes (v2 and v1) that a referrer may ask for, and what each lets it do."""

import re

RESOURCES = ("ServiceRequest", "Task", "Subscription")
LETTERS = "cruds"
"""Create, read, update, delete, search; only subscriptions are deleted here."""

OFFERED = (
    "system/ServiceRequest.crs",
    "system/Task.crus",
    "system/Subscription.cruds",
    "system/*.rs",
    "system/*.cruds",
)
WRITTEN = re.compile(r"system/(\*|[A-Za-z]+)\.(\*|read|write|c?r?u?d?s?)")
FIRST_VERSION = {"read": "rs", "write": "cud", "*": LETTERS}


def granted(asked: str) -> tuple[str, ...]:
    """This will give what is granted of what was asked for, as v2 scopes of single resources, without the rest."""
    found = []
    for each in asked.split():
        scope = WRITTEN.fullmatch(each)
        if not scope or not scope[2]:
            continue
        letters = FIRST_VERSION.get(scope[2], scope[2])
        resources = RESOURCES if scope[1] == "*" else tuple(one for one in RESOURCES if one == scope[1])
        found += [f"system/{one}.{letters}" for one in resources]
    return tuple(dict.fromkeys(found))


def lets(scopes: tuple[str, ...], resource: str, letter: str) -> bool:
    """This will say whether some scopes let their bearer do one thing with a resource."""
    return any(each.startswith(f"system/{resource}.") and letter in each.rsplit(".", 1)[1] for each in scopes)
