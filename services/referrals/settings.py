"""The knobs of the referrals service."""

import ssl
from importlib.resources import files
from pathlib import Path
from typing import Annotated, Self
from uuid import UUID

from pydantic import Field, model_validator

from services.referrals.rules.directory import Entry, read
from services.referrals.rules.hooks import Reaches, origin
from shared import names
from shared.settings import ServiceSettings

EVERYWHERE = ("0.0.0.0", "::")  # noqa: S104


class Settings(ServiceSettings, service="referrals"):
    """What the referrals service is told at start.

    `public_url` is how organisations reach it, where that is not `http://host:port`. An organisation may make
    `requests_at_once` at once, and `requests_per_second` for as long as it likes.

    From one address, `asks_at_once` forms may come at once, and `asks_per_minute` for as long as it likes: a shelter
    or a library may be many people behind one address.

    `mllp` gives the port of each organisation that sends HL7 v2 over MLLP, as JSON: `{"general-hospital": 2575}`; it is
    listened to at `mllp_host`. With a certificate and its key it is TLS; with `mllp_authorities` (a PEM file) whoever
    connects shows a certificate that one of them signed, in the organisation's name.

    Endpoints of subscribers are called by https, on `hook_ports`, at public addresses. Those that `hook_origins` names
    for an organisation (JSON: `{"general-hospital": ["https://hooks.hospital.internal:8443"]}`) are called wherever
    they are, also by http where that is what is named; `hook_authorities` (a PEM file) are believed instead of the
    public ones.
    """

    public_url: str = ""
    requests_per_second: Annotated[float, Field(gt=0)] = 50
    requests_at_once: Annotated[int, Field(ge=1)] = 200
    asks_per_minute: Annotated[float, Field(gt=0)] = 2
    asks_at_once: Annotated[int, Field(ge=1)] = 20
    mllp: dict[str, int] = Field(default_factory=dict)
    mllp_host: str = "127.0.0.1"
    mllp_certificate: Path | None = None
    mllp_key: Path | None = None
    mllp_authorities: Path | None = None
    hook_origins: dict[str, list[str]] = Field(default_factory=dict)
    hook_ports: list[int] = [443, 8443]
    hook_authorities: Path | None = None

    @model_validator(mode="after")
    def _origins_as_written(self) -> Self:
        self.reaches()
        return self

    @model_validator(mode="after")
    def _encrypted_as_meant(self) -> Self:
        if (self.mllp_key or self.mllp_authorities) and not self.mllp_certificate:
            raise ValueError("MLLP_KEY and MLLP_AUTHORITIES need MLLP_CERTIFICATE: without it MLLP is plain text")
        return self

    def address(self) -> str:
        """This will give the address at which organisations reach this service."""
        host = "127.0.0.1" if self.host in EVERYWHERE else self.host
        here = f"http://{host}:{self.port or names.port('referrals')}"
        return (self.public_url or here).rstrip("/")

    def token_address(self) -> str:
        """This will give the address of the token endpoint, as organisations sign it."""
        return self.address() + "/auth/token"

    def reaches(self) -> Reaches:
        """This will say which endpoints each organisation may have called; ValueError for an origin that is none."""
        named = {name: frozenset(map(origin, some)) for name, some in self.hook_origins.items()}
        return Reaches(origins=named, ports=frozenset(self.hook_ports))

    def hook_tls(self) -> ssl.SSLContext | None:
        """This will say whose certificates subscribers show, None for anybody's; OSError for a file nobody can read."""
        return ssl.create_default_context(cafile=self.hook_authorities) if self.hook_authorities else None

    def shipped_directory(self) -> dict[UUID, Entry]:
        """This will read the directory that comes with the service, by the ids of its entries."""
        return read((files(__package__) / "directory.json").read_text("utf-8"))

    def tls(self) -> ssl.SSLContext | None:
        """This will give what MLLP is encrypted with, or None where it is not; OSError where a file cannot be read."""
        if self.mllp_certificate is None:
            return None
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH, cafile=self.mllp_authorities)
        context.load_cert_chain(self.mllp_certificate, self.mllp_key)
        if self.mllp_authorities:
            context.verify_mode = ssl.CERT_REQUIRED
        return context
