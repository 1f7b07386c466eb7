"""What a service says of itself, in its `__init__.py`, is what it does."""

import ast
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path

import pytest

from shared import names, sealed
from shared.events.fact import Fact, Timer, catalogue
from shared.mailbox.tables import SHARED
from shared.service import Service
from tests.bus import PROGRAMME
from tests.house.tree import ROOT, parsed, python_files

EVENTS = {speaker: import_module(f"shared.events.{speaker}") for speaker in names.SERVICES}
FACTS = catalogue(*EVENTS.values())

each_service = pytest.mark.parametrize("name", names.SERVICES)


def created(name: str, folder: Path) -> Service:
    """A service as `python -m` would make it, on a store of its own that is never opened."""
    (folder / "programme.json").write_text(PROGRAMME.model_dump_json())
    (folder / "seal.json").write_text(sealed.new_keys())
    settings = import_module(f"services.{name}.settings").Settings
    app = import_module(f"services.{name}.app")
    service: Service = app.create(settings(programme=folder / "programme.json", seal_keys=folder / "seal.json"))
    return service


def constructed(name: str) -> Iterator[type[Fact]]:
    """The facts of any speaker that a service's code makes: the classes of shared.events that it calls."""
    for file in python_files(f"services/{name}"):
        known: dict[str, type[Fact]] = {}
        for each in ast.walk(parsed(file)):
            if isinstance(each, ast.ImportFrom) and (each.module or "").startswith("shared.events."):
                module = import_module(each.module or "")
                found = {alias.asname or alias.name: getattr(module, alias.name) for alias in each.names}
                known |= {word: kind for word, kind in found.items() if isinstance(kind, type)}
        for each in ast.walk(parsed(file)):
            kind = known.get(maker(each)) if isinstance(each, ast.Call) else None
            if kind and issubclass(kind, Fact):
                yield kind


def maker(call: ast.Call) -> str:
    """The class that `Fact(...)` or `Fact.model_validate(...)` makes; nothing for other calls."""
    made = call.func
    if isinstance(made, ast.Attribute) and made.attr.startswith("model_validate"):
        made = made.value
    return made.id if isinstance(made, ast.Name) else ""


@each_service
def test_a_service_owns_the_tables_it_names(name: str) -> None:
    opening, store = import_module(f"services.{name}"), import_module(f"services.{name}.store")
    everybodys = {table for metadata in SHARED for table in metadata.tables}

    assert sorted(opening.OWNS) == sorted(set(store.metadata.tables) - everybodys)


@each_service
def test_a_service_hears_the_facts_it_names(name: str, tmp_path: Path) -> None:
    opening = import_module(f"services.{name}")

    board = created(name, tmp_path).mailbox.board

    assert sorted(opening.HEARS) == sorted(board.hearings)


@each_service
def test_a_service_says_the_facts_it_names(name: str) -> None:
    opening = import_module(f"services.{name}")

    said = {each.type_name() for each in constructed(name) if each.speaker() == name}

    assert sorted(opening.SAYS) == sorted(said)


@each_service
def test_every_errand_is_in_the_services_own_words_and_heard_by_nobody(name: str, tmp_path: Path) -> None:
    said_to_be_done = import_module(f"services.{name}").SAYS

    mailbox = created(name, tmp_path).mailbox

    assert set(mailbox.errands.kinds) <= {each for each in said_to_be_done if each.startswith(f"{name}.")}
    assert set(mailbox.errands.kinds) & set(mailbox.board.hearings) == set()


def test_the_service_that_calls_outside_knows_how_to_run_its_errands(tmp_path: Path) -> None:
    mailbox = created("notifications", tmp_path).mailbox

    assert {kind.__name__ for kind, _ in mailbox.errands.kinds.values()} == {"PageOnCall", "SendAnswer", "SendReminder"}


@each_service
def test_what_a_service_hears_of_its_timers_is_what_the_vocabulary_calls_one(name: str, tmp_path: Path) -> None:
    own = {kind for kind, fact in FACTS.items() if fact.speaker() == name and issubclass(fact, Timer)}

    board = created(name, tmp_path).mailbox.board

    assert board.timers == own


def test_every_fact_that_is_heard_is_said_by_somebody() -> None:
    openings = [import_module(f"services.{each}") for each in names.SERVICES]

    heard = {fact for each in openings for fact in each.HEARS}
    said = {fact for each in openings for fact in each.SAYS}

    assert heard - said == set()


def test_every_fact_of_the_vocabulary_is_said_by_its_speaker() -> None:
    said = {fact for each in names.SERVICES for fact in import_module(f"services.{each}").SAYS}

    assert set(FACTS) - said == set()


@each_service
def test_an_opening_is_plain_words_and_imports_nothing(name: str) -> None:
    opening = parsed(ROOT / "services" / name / "__init__.py")

    assert ast.get_docstring(opening)
    assert [each for each in opening.body[1:] if not isinstance(each, ast.Assign)] == []


@each_service
def test_every_service_has_the_same_rooms_in_it(name: str) -> None:
    rooms = {each.stem for each in (ROOT / "services" / name).iterdir() if not each.stem.startswith("__py")}

    assert rooms >= {"__init__", "__main__", "app", "settings", "http", "handlers", "store", "rules", "migrations"}


def test_creating_a_service_leaves_the_store_unopened(tmp_path: Path) -> None:
    for name in names.SERVICES:
        created(name, tmp_path)

    assert sorted(each.name for each in tmp_path.iterdir()) == ["programme.json", "seal.json"]
