"""What docs/asking.md shows of the programme file is read as it stands, and its form offers what it says."""

import json
import re
from pathlib import Path

from services.referrals.asking.words import AGREED
from services.referrals.settings import Settings
from shared.programme import SelfReferral, StepIn

PAGE = (Path(__file__).parents[2] / "docs" / "asking.md").read_text()


def test_what_the_page_shows_of_the_programme_file_is_read() -> None:
    first, second = (json.loads(each) for each in re.findall(r"```json\n(.*?)```", PAGE, re.DOTALL))

    asked = SelfReferral.model_validate(first["self_referral"])
    step_in = StepIn.model_validate(second["step_in"])

    assert asked.link_days == SelfReferral(organisation_id="programme").link_days
    assert step_in.warm_line and step_in.drop_in and step_in.group


def test_the_page_names_the_version_of_the_words_and_how_many_forms_may_come() -> None:
    fields = Settings.model_fields

    assert f"`{AGREED}`" in PAGE
    told = " ".join(PAGE.split())
    assert f"{fields['asks_at_once'].default} forms at once and {fields['asks_per_minute'].default} a minute" in told
