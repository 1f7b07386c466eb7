"""The messages in a partner's files: in which dialect each is written, and the way it comes in by."""

import json
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from services.referrals.hl7v2 import message
from services.referrals.reading import FHIR_TYPES, HL7_TYPES, OURS

Dialect = Literal["FHIR", "HL7 v2", "our JSON"]
SUFFIXES = (".json", ".ndjson", ".jsonl", ".hl7", ".er7")
MOST_BYTES = 64 * 1_048_576
LINES = (".ndjson", ".jsonl")
PIPES = (".hl7", ".er7")
NEXT = re.compile(rb"(?:(?<=[\r\n\x0b\x1c])|^)(?=MSH[^A-Za-z0-9\s])")
MEDIA: dict[Dialect, str] = {"FHIR": FHIR_TYPES[0], "HL7 v2": HL7_TYPES[0], "our JSON": OURS}


@dataclass(frozen=True)
class Message:
    """One message of a file; `kind` is its FHIR type, or its HL7 v2 type, where it says one."""

    name: str
    raw: bytes
    dialect: Dialect
    kind: str = ""
    bundle: str = ""

    @property
    def media(self) -> str:
        """This will give the content type it is sent with."""
        return MEDIA[self.dialect]

    @property
    def path(self) -> str:
        """This will give where it is posted over HTTP, in FHIR."""
        if self.kind == "Bundle":
            return "/fhir/$process-message" if self.bundle == "message" else "/fhir"
        return "/fhir/Task" if self.kind == "Task" else "/fhir/ServiceRequest"


def messages(paths: Iterable[Path]) -> list[Message]:
    """This will read every message of some files, and of the files in some folders; ValueError where there is none."""
    found = [each for path in _files(paths) for each in _of(path)]
    if not found:
        raise ValueError(f"There is no message here: name files, or a folder with {', '.join(SUFFIXES)} files.")
    return found


def _files(paths: Iterable[Path]) -> Iterator[Path]:
    for path in paths:
        if path.is_dir():
            inside = (each for each in path.rglob("*") if each.suffix.lower() in SUFFIXES and each.is_file())
            yield from sorted(each for each in inside if not each.name.startswith("."))
        elif path.is_file():
            yield path
        elif path.exists():
            raise ValueError(f"{path} is neither a file nor a folder.")
        else:
            raise FileNotFoundError(f"{path} is missing.")


def _of(path: Path) -> Iterator[Message]:
    if path.stat().st_size > MOST_BYTES:
        raise ValueError(f"{path} is larger than {MOST_BYTES:,} bytes: check it in parts.")
    raw, suffix = path.read_bytes(), path.suffix.lower()
    if suffix in PIPES or message.begins(raw):
        yield from _named(
            path, [_pipes(each) for each in NEXT.split(raw) if each.strip(message.LEADING)] or [_pipes(raw)]
        )
    elif suffix in LINES:
        yield from _named(path, [_json(each) for each in raw.splitlines() if each.strip()])
    else:
        yield from _named(path, [_json(raw)])


def _named(path: Path, some: list[Message]) -> Iterator[Message]:
    """This will name messages by their file, and by their number in it where they are several."""
    # What a terminal would take for a command of its own is not shown.
    shown = "".join(each if each.isprintable() else "?" for each in str(path))
    for number, each in enumerate(some, 1):
        name = f"{shown}:{number}" if len(some) > 1 else shown
        yield Message(name, each.raw, each.dialect, each.kind, each.bundle)


def _pipes(raw: bytes) -> Message:
    header = re.split(rb"[\r\n]", raw.lstrip(message.LEADING), maxsplit=1)[0]
    fields = header.split(header[3:4] or b"|")
    kind = fields[8][:20].decode("latin-1") if len(fields) > 8 else ""
    return Message("", raw, "HL7 v2", kind if kind.isprintable() else "")


def _json(raw: bytes) -> Message:
    """This will tell FHIR from our own JSON; what is no JSON is for the FHIR edge to refuse."""
    try:
        content = json.loads(raw)
    except (ValueError, RecursionError):
        return Message("", raw, "FHIR")
    if not isinstance(content, dict):
        return Message("", raw, "FHIR")
    kind, bundle = content.get("resourceType"), content.get("type")
    if "resourceType" not in content:
        return Message("", raw, "our JSON")
    return Message("", raw, "FHIR", str(kind)[:40], bundle if isinstance(bundle, str) else "")
