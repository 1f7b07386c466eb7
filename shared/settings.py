"""What every service is told at start: `ALONGSIDE_<SERVICE>_<KNOB>` in the environment."""

from pathlib import Path
from typing import Any, ClassVar, Literal

from pydantic_settings import BaseSettings, SettingsConfigDict


class ServiceSettings(BaseSettings):
    """The knobs all services share; a service's own class adds its own and names itself.

    `database_url`: `sqlite:///path` or `postgresql://user@host/name`. `share`: `i/n`. `clock`: `real`, or `stepped` for
    the demo. `programme` and `seal_keys` are files; `nats_seed` is the nkey seed file of this service's NATS user.
    """

    model_config = SettingsConfigDict(extra="ignore")
    service: ClassVar[str]

    database_url: str = ""
    nats_url: str = "nats://127.0.0.1:4222"
    nats_seed: Path | None = None
    programme: Path = Path("data/programme.json")
    seal_keys: Path = Path("data/keys/seal.json")
    host: str = "127.0.0.1"
    port: int = 0
    share: str = "0/1"
    clock: Literal["real", "stepped"] = "real"
    log_level: str = "INFO"

    def __init_subclass__(cls, **_: Any) -> None:
        super().__init_subclass__()

    @classmethod
    def __pydantic_init_subclass__(cls, *, service: str = "", **rest: Any) -> None:
        super().__pydantic_init_subclass__(**rest)
        cls.service = service
        cls.model_config["env_prefix"] = f"ALONGSIDE_{service.upper()}_"

    def store_url(self) -> str:
        """This will give the database, a file beside the programme's when none was named."""
        return self.database_url or f"sqlite:///{self.programme.parent / (self.service + '.sqlite')}"
