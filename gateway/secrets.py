"""Everything in the settings that must not be seen."""

from collections.abc import Iterator, Mapping

from pydantic import BaseModel, SecretStr

from gateway.settings import Settings
from gateway.vendors import choose_vendor, choose_vendors_beside


def secrets_of(settings: Settings) -> list[str]:
    """The secrets of the settings and of the vendors' options; raises UnusableVendor."""
    chosen = [choose_vendor(name, upstream) for name, upstream in settings.upstreams.items()]
    for name, upstream in settings.upstreams.items():
        chosen += choose_vendors_beside(name, upstream).values()
    options = [one.options for one in chosen]
    return [secret for part in (settings, *options) for secret in secrets_in(part) if secret]


def secrets_in(part: object) -> Iterator[str]:
    """Every secret below a setting."""
    if isinstance(part, SecretStr):
        yield part.get_secret_value()
    elif isinstance(part, BaseModel):
        for name in type(part).model_fields:
            yield from secrets_in(getattr(part, name))
    elif isinstance(part, Mapping):
        for value in part.values():
            yield from secrets_in(value)
    elif isinstance(part, list | tuple | set | frozenset):
        for value in part:
            yield from secrets_in(value)
