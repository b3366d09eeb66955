"""All that an operator may set, from `GATEWAY_*` variables and a TOML file.

Variables win over the file. Nested settings are joined by two underscores:
`GATEWAY_UPSTREAMS__PRICING__URL=http://pricing.local`. The file is named by `GATEWAY_SETTINGS`.
A name that is not a setting is an error everywhere, so a typing slip does not pass in silence.
"""

import dataclasses
import ipaddress
import os
import re
import tomllib
from collections.abc import Iterable
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, HttpUrl, SecretStr, field_validator, model_validator
from pydantic_settings import (
    BaseSettings,
    NoDecode,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
    TomlConfigSettingsSource,
)

from clients.values import DataSource, SalesChannel
from gateway.limits.policy import Limits

UpstreamName = Literal[
    "catalogue", "search", "pricing", "stock", "loyalty", "recommendations", "delivery", "customers", "geo"
]
SOURCE_OF_UPSTREAM: dict[UpstreamName, DataSource] = {
    "catalogue": DataSource.CATALOGUE,
    "search": DataSource.SEARCH,
    "pricing": DataSource.PRICING,
    "stock": DataSource.STOCK,
    "loyalty": DataSource.LOYALTY,
    "recommendations": DataSource.RECOMMENDATIONS,
    "delivery": DataSource.DELIVERY,
    "customers": DataSource.CUSTOMERS,
    "geo": DataSource.GEO,
}

PREFIX = "GATEWAY_"
FILE_VARIABLE = "GATEWAY_SETTINGS"
LOOPBACK = frozenset({"127.0.0.1", "::1", "localhost"})
Sha256 = Annotated[str, Field(pattern="^[0-9a-f]{64}$")]
ORIGIN = re.compile(r"[a-z][a-z0-9+.-]*://[a-z0-9.\-\[\]:]+")


class Section(BaseModel):
    """A part of the settings; an unknown name in it is an error, so a typing slip does not pass in silence."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class UpstreamSettings(Section):
    """Where one system answers, and how long a page waits for it."""

    url: HttpUrl = Field(description="Base address of the system, e.g. http://pricing.local.")
    vendor: str = Field(
        default="generic", max_length=40, description="Whose API it speaks; by itself our own contract's."
    )
    options: dict[str, Any] = Field(
        default_factory=dict, description="What the vendor's adapter needs, see docs/vendors.", repr=False
    )
    title: str | None = Field(
        default=None, max_length=100, description="What shoppers are told when it fails and others stand in."
    )
    beside: dict[str, "UpstreamSettings"] = Field(
        default_factory=dict, description="Delivery only: further carriers by a name of your own, settings as here."
    )
    api_key: SecretStr = Field(
        default=SecretStr(""), description="Sent as `Authorization: Bearer`, if the system speaks our contract."
    )
    timeout_s: float | None = Field(default=None, gt=0, le=60, description="Time limit of a call with its retries.")
    connections: int = Field(default=50, ge=1, le=1000, description="Most connections at once, per worker.")
    has_breaker: bool = Field(default=True, description="Off: a failing system is asked all the same.")
    has_hedging: bool = Field(default=False, description="On: a read that is late is asked a second time.")
    quota_calls: int | None = Field(default=None, ge=1, le=1_000_000, description="Its limit: calls in each period.")
    quota_period_s: float = Field(default=1.0, gt=0, le=3600, description="The period of its limit.")


class ShopSettings(Section):
    """What a shopper who says nothing gets."""

    locality_id: str = Field(default="msk", description="The locality's key in the geo system.")
    channel: SalesChannel = Field(default=SalesChannel.WEB, description="Client channel.")
    language: str = Field(default="ru", description="BCP 47 language tag.")
    currency: str = Field(default="RUB", pattern="^[A-Z]{3}$", description="ISO 4217 currency code.")


class IdentitySettings(Section):
    """Whose tokens are believed."""

    issuer: str = Field(default="", max_length=512, description="The `iss` that tokens must have.")
    audience: str = Field(default="commerce-gateway", description="The `aud` that tokens must have.")
    jwks_url: HttpUrl | None = Field(default=None, description="Where the issuer publishes its keys.")
    scopes: dict[str, str] = Field(
        default_factory=dict, description="Scopes that fields need, by their coordinates such as Query.customer."
    )

    @model_validator(mode="after")
    def _issuer_and_keys_go_together(self) -> "IdentitySettings":
        if bool(self.issuer) != (self.jwks_url is not None):
            raise ValueError("expected both issuer and jwks_url, or neither")
        return self


class CacheSettings(Section):
    """How much the gateway remembers."""

    max_entries: int = Field(default=100_000, ge=100, description="Most entries in memory, per worker.")
    max_megabytes: int = Field(default=256, ge=8, description="Most memory for entries, per worker.")
    is_enabled: bool = Field(default=True, description="Off: every request asks the systems themselves.")
    shared_url: SecretStr | None = Field(
        default=None, description="A store that all workers share: valkey://, redis:// or memcached://."
    )
    shared_timeout_s: float = Field(default=0.1, gt=0, le=5, description="How long a call of that store may take.")


class DocumentSettings(Section):
    """Which documents may be executed."""

    manifests: tuple[Path, ...] = Field(default=(), description="Files of registered documents, Apollo's or Relay's.")
    only_trusted: bool = Field(default=False, description="On: nothing but registered documents is executed.")


class LimitSettings(Section):
    """What one client may ask for; a client is a customer, or the address of an anonymous visitor."""

    requests_per_s: float = Field(
        default=20.0, ge=0, description="Requests a second, in bursts of twice as many; 0: any."
    )
    cost_per_s: float = Field(default=2500.0, gt=0, description="Static cost a second, in bursts of 20 s.")
    sheds_load: bool = Field(default=True, description="Off: nobody is sent away, however late the process is.")
    mode: Literal["enforce", "measure"] = Field(
        default="enforce", description="By measure, documents beyond a limit are reported and executed."
    )
    exceptions: dict[Sha256, dict[str, int]] = Field(
        default_factory=dict, description="Limits of single documents, by the SHA-256 of their text."
    )

    @field_validator("exceptions")
    @classmethod
    def _name_limits(cls, given: dict[str, dict[str, int]]) -> dict[str, dict[str, int]]:
        known = {field.name for field in dataclasses.fields(Limits)}
        if unknown := {name for changes in given.values() for name in changes} - known:
            raise ValueError(f"expected limits of docs/http.md, got {', '.join(sorted(unknown))}")
        return given

    expendable: tuple[str, ...] = Field(
        default=(), description="Operations that are sent away first, by the name that Apollo's clients send along."
    )


class OpsSettings(Section):
    """The operations page and the metrics, at an address of their own."""

    is_enabled: bool = Field(default=False, description="The page at /ops and Prometheus's /metrics.")
    host: str = Field(default="127.0.0.1", description="Address that they listen at.")
    port: int = Field(default=9464, ge=0, le=65_535, description="Port that they listen at; 0 picks a free one.")
    token: SecretStr = Field(
        default=SecretStr(""), description="What opens them; may be empty for a developer on this machine only."
    )
    is_behind_tls: bool = Field(default=False, description="On: the session's cookie is sent over HTTPS only.")


class TelemetrySettings(Section):
    """What is written down of each operation."""

    logs: Literal["auto", "json", "terminal"] = Field(
        default="auto", description="How lines look; by itself coloured on a terminal, else JSON."
    )
    operation_lines: Literal["all", "failed", "none"] = Field(default="all", description="Which operations get a line.")
    slow_s: float = Field(default=1.0, gt=0, description="Executions that take longer are written as a waterfall.")
    traces_url: HttpUrl | None = Field(
        default=None, description="Where traces go by OTLP over HTTP, e.g. http://collector:4318/v1/traces."
    )
    traces_share: float = Field(default=0.01, ge=0, le=1, description="How many operations are traced, if unasked.")
    metrics_url: HttpUrl | None = Field(
        default=None, description="Where figures go by OTLP over HTTP, e.g. http://collector:4318/v1/metrics."
    )
    metrics_every_s: float = Field(default=15.0, ge=1, le=3600, description="How often they are sent.")


class DevelopmentSettings(Section):
    """What is open on a developer's machine only."""

    is_enabled: bool = Field(default=False, description="GraphiQL, introspection, queries in addresses.")
    sandbox_control_url: HttpUrl | None = Field(
        default=None, description="The sandbox's control address, to sign in as one of its customers."
    )


class Settings(BaseSettings):
    """Everything, checked once at start."""

    model_config = SettingsConfigDict(
        env_prefix=PREFIX, env_nested_delimiter="__", extra="forbid", frozen=True, env_ignore_empty=True
    )

    host: str = Field(default="127.0.0.1", description="Address to listen at.")
    port: int = Field(default=8080, ge=0, le=65_535, description="Port to listen at; 0 picks a free one.")
    workers: int = Field(default=1, ge=1, le=64, description="Processes that serve.")
    drain_s: float | None = Field(
        default=None, ge=0, le=300, description="Told to stop: for so long still serving, but not ready any more."
    )
    origins: Annotated[tuple[str, ...], NoDecode] = Field(
        default=(), description="Origins whose pages may call the gateway; in a variable separated by commas."
    )
    trusted_proxies: Annotated[tuple[str, ...], NoDecode] = Field(
        default=(), description="Proxies before the gateway that say who asks, as addresses or networks."
    )
    upstreams: dict[UpstreamName, UpstreamSettings] = Field(
        default_factory=dict, description="The systems behind the gateway, by domain."
    )
    executor: Literal["compiled", "reference"] = Field(
        default="compiled", description="Plans of our own, or graphql-core for everything."
    )
    shop: ShopSettings = ShopSettings()
    identity: IdentitySettings = IdentitySettings()
    cache: CacheSettings = CacheSettings()
    documents: DocumentSettings = DocumentSettings()
    limits: LimitSettings = LimitSettings()
    ops: OpsSettings = OpsSettings()
    telemetry: TelemetrySettings = TelemetrySettings()
    development: DevelopmentSettings = DevelopmentSettings()

    @model_validator(mode="after")
    def _ops_are_not_open_to_everybody(self) -> "Settings":
        is_local = self.development.is_enabled and self.ops.host in LOOPBACK
        if self.ops.is_enabled and not self.ops.token.get_secret_value() and not is_local:
            raise ValueError("expected GATEWAY_OPS__TOKEN: only a developer on this machine needs none")
        return self

    @field_validator("origins", "trusted_proxies", mode="before")
    @classmethod
    def _separate(cls, given: Any) -> Any:
        return [part.strip() for part in given.split(",") if part.strip()] if isinstance(given, str) else given

    @field_validator("origins")
    @classmethod
    def _are_as_browsers_send_them(cls, given: tuple[str, ...]) -> tuple[str, ...]:
        if not all(ORIGIN.fullmatch(origin) for origin in given):
            raise ValueError("expected origins as browsers send them, such as https://shop.example, without a path")
        return given

    @field_validator("trusted_proxies")
    @classmethod
    def _are_addresses(cls, given: tuple[str, ...]) -> tuple[str, ...]:
        for place in given:
            try:
                ipaddress.ip_network(place)
            except ValueError:
                raise ValueError(f"expected addresses or networks such as 10.0.0.0/8, got {place!r}") from None
        return given

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Arguments, then variables, then the file named by `GATEWAY_SETTINGS`."""
        del dotenv_settings, file_secret_settings
        refuse_unknown_names(os.environ, settings_cls.model_fields)
        named = os.environ.get(FILE_VARIABLE)
        file = (read_file(settings_cls, Path(named)),) if named else ()
        return init_settings, env_settings, *file


class UnreadableSettings(ValueError):
    """A variable that is no setting, or a file that is not there or not TOML."""


def refuse_unknown_names(variables: Iterable[str], settings: Iterable[str]) -> None:
    """Raise UnreadableSettings for a `GATEWAY_*` variable that sets nothing."""
    known = {FILE_VARIABLE, *(f"{PREFIX}{name.upper()}" for name in settings)}
    unknown = sorted(
        name for name in variables if name.upper().startswith(PREFIX) and name.upper().partition("__")[0] not in known
    )
    if unknown:
        raise UnreadableSettings(f"Expected only settings among the {PREFIX}* variables, got: {', '.join(unknown)}.")


def read_file(settings_cls: type[BaseSettings], path: Path) -> TomlConfigSettingsSource:
    """The settings in a TOML file; raises UnreadableSettings when there is no such file."""
    if not path.is_file():
        raise UnreadableSettings(f"Expected {FILE_VARIABLE} to name a TOML file, got {str(path)!r}, which is none.")
    try:
        return TomlConfigSettingsSource(settings_cls, path)
    except (tomllib.TOMLDecodeError, UnicodeDecodeError, OSError) as error:
        raise UnreadableSettings(f"Expected {str(path)!r} to be readable as TOML, got: {error}.") from None


class MissingUpstreams(ValueError):
    """The settings leave out systems that the schema needs."""


def require_upstreams(settings: Settings) -> None:
    """Raise MissingUpstreams unless every domain has its system."""
    missing = [name for name in SOURCE_OF_UPSTREAM if name not in settings.upstreams]
    if missing:
        names = ", ".join(f"GATEWAY_UPSTREAMS__{name.upper()}__URL" for name in missing)
        raise MissingUpstreams(f"Expected an address for every system, got none for: {names}.")
