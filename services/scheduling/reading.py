"""What organisations post on the bus, read strictly: the one way in for our own JSON, kind by kind."""

from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError

from shared import strict_json
from shared.names import media_type
from shared.places import wrongs

Told = TypeVar("Told", bound=BaseModel)
JSON_TYPES = ("", "application/json", "text/json")


class Refused(Exception):
    """A post cannot be taken; `errors` name every place in it (`where`) and what to do there (`remedy`)."""

    def __init__(self, errors: list[dict[str, str]]) -> None:
        super().__init__(f"{len(errors)} wrong")
        self.errors = errors

    @classmethod
    def at(cls, where: str, remedy: str) -> "Refused":
        """This will refuse what is wrong at one place."""
        return cls([{"where": where, "remedy": remedy}])


def read(raw: bytes, content_type: str, *, kind: str, schema: type[Told]) -> Told:
    """This will read a post in our own JSON; Refused says where it is wrong and what to do."""
    media = content_type.split(";")[0].strip().lower()
    if media not in (*JSON_TYPES, media_type(kind)):
        raise Refused.at("header Content-Type", f"send {media_type(kind)}")
    try:
        content: Any = strict_json.parse(raw)
    except strict_json.Malformed as wrong:
        raise Refused.at(wrong.where, wrong.remedy) from None
    if not isinstance(content, dict):
        raise Refused.at("$", "send one JSON object")
    try:
        return schema.model_validate(content)
    except ValidationError as wrong:
        raise Refused(wrongs(wrong.errors(), "$")) from None
