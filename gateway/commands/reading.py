"""Reading settings for a command, with one clear line for what is wrong."""

from typing import Any

from pydantic import ValidationError
from pydantic_settings import SettingsError

from gateway.settings import MissingUpstreams, Settings, UnreadableSettings, require_upstreams
from gateway.vendors import UnusableVendor, choose_vendors


class CommandFailed(Exception):
    """A command cannot go on; the message is the one line that is shown."""


def read_settings(*, needs_upstreams: bool = True, **overrides: Any) -> Settings:
    """The settings with what the command line says; raises CommandFailed, never naming a value that may be a key."""
    try:
        settings = Settings(**{name: value for name, value in overrides.items() if value is not None})
        if needs_upstreams:
            require_upstreams(settings)
            choose_vendors(settings)
    except ValidationError as error:
        raise CommandFailed(f"settings: {explain(error)}") from None
    except (SettingsError, UnreadableSettings, MissingUpstreams, UnusableVendor) as error:
        raise CommandFailed(str(error)) from None
    return settings


def explain(error: ValidationError) -> str:
    """One line on what is wrong, by the names of the variables."""
    said = [f"{'__'.join(str(part) for part in e['loc']).upper()}: {e['msg']}" for e in error.errors(include_url=False)]
    return "; ".join(said)
