"""A label that leaves the programme tells nobody why somebody comes."""

from typing import Annotated

import pytest
from pydantic import TypeAdapter, ValidationError

from shared.neutral import KEPT, Neutral, neutral


@pytest.mark.parametrize(
    "label",
    [
        "Staying sober", "AA Northside", "A.A. on Elm Street", "NA", "NAMI Connection", "Peer circle",
        "Sunrise Recovery", "12-step evening", "Twelve Step", "Alcohólicos Anónimos",
        "Grupo de apoyo", "Línea de CRISIS", "Salud mental",
        "Depresión y más", "Adicciones", "Sobriedad", "Support Group", "Grief", "MHA", "H.I.V.", "Illnesses",
    ],
)  # fmt: skip
def test_a_label_that_tells_why_somebody_comes_is_refused(label: str) -> None:
    with pytest.raises(ValueError, match="choose a neutral one"):
        neutral(label)


PLACES = ["Archive Street, Tuesdays", "Calle del Archivo", "Stillness Hall", "Speer Boulevard"]


@pytest.mark.parametrize(
    "label", ["Elm Street, Tuesdays", "Evening phone", "La lista azul", "Café Ana", "Nación 7", *PLACES]
)
def test_a_label_that_names_a_place_or_a_day_is_taken(label: str) -> None:
    assert neutral(label) == label


def test_what_a_store_took_before_the_list_of_words_grew_stays_readable() -> None:
    label = TypeAdapter[str](Annotated[str, Neutral])

    with pytest.raises(ValidationError, match="choose a neutral one"):
        label.validate_python("Grupo de apoyo")
    assert label.validate_python("Grupo de apoyo", context=KEPT) == "Grupo de apoyo"
