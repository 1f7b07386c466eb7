"""What else is open to people beside one-to-one support, each with a name outsiders may read."""

from typing import Annotated, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

from services.matching.rules import tidy
from services.matching.rules.supporter import Text, Windows
from shared.events.matching import BridgeKind
from shared.events.referrals import AgeBand
from shared.neutral import Neutral

OfferingKind = Literal["group", "warm_line", "drop_in", "open_group", "online_community"]
BRIDGES: tuple[BridgeKind, ...] = ("warm_line", "drop_in", "open_group", "online_community")


class Offering(BaseModel):
    """Something a person can join; only `public_label` ever leaves the programme.

    `ages` are the age bands it is for; empty `languages` means any; `windows` are its weekly opening hours.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", str_strip_whitespace=True, hide_input_in_errors=True)
    kind: OfferingKind
    site_id: Text
    internal_name: Text
    public_label: Annotated[str, Field(min_length=1, max_length=60), Neutral]
    languages: Annotated[
        list[Annotated[str, BeforeValidator(tidy.language_code)]], BeforeValidator(tidy.as_list), Field(max_length=20)
    ] = []
    ages: Annotated[list[AgeBand], Field(min_length=1)] = ["18-25", "adult", "older_adult"]
    windows: Windows = []
    capacity: Annotated[int, Field(ge=1, le=1000)] | None = None
    active: bool = True

    def is_open_to(self, *, age_band: AgeBand, languages: list[str]) -> bool:
        """This will say whether a person of this age who speaks these languages may come."""
        return (
            self.active and age_band in self.ages and (not self.languages or bool(set(languages) & set(self.languages)))
        )
