"""What a retailer writes beside a vendor's object, for what the vendor has no field: texts, languages, marks."""

from collections.abc import Mapping
from typing import Any

Annotations = Mapping[str, Any]


def said_in(known: Annotations | None, name: str, language: str = "") -> str | None:
    """A text: `<name>_<language>` before `<name>`; what is empty or no text is not there."""
    for key in (f"{name}_{language[:2].lower()}", name):
        text = (known or {}).get(key)
        if isinstance(text, str) and text:
            return text
    return None


def is_marked(known: Annotations | None, name: str) -> bool:
    """Whether it says yes, as a boolean or as a text."""
    return str((known or {}).get(name, "")).lower() == "true"
