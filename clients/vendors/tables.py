"""Options that are tables or lists: a settings file has them as such, a variable as JSON."""

from typing import Final

import msgspec
from pydantic import BeforeValidator


def read_table(given: object) -> object:
    """What a text means as JSON; anything else is there already. Raises ValueError."""
    if not isinstance(given, str):
        return given
    try:
        return msgspec.json.decode(given)
    except msgspec.DecodeError:
        raise ValueError("expected a JSON object or list") from None


FromJson: Final = BeforeValidator(read_table)
"""Stands beside the type of such an option."""
