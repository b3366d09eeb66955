"""The README tells the truth: its query gives its answer, and its settings are the settings."""

import json
import re
from typing import Any

import pydantic

from gateway.settings import Settings
from tests.journeys.shop import ROOT, Gateway

README = (ROOT / "README.md").read_text()
OF_THE_MOMENT = {"state"}


def test_the_query_gives_the_answer(gateway: Gateway) -> None:
    """The query of the README, sent as it stands there, gives the answer that stands below it."""
    sent = re.search(r"-d '(\{\"query\".*?\})'\n```", README, re.DOTALL)
    shown = re.search(r"```json\n(.*?)\n```", README, re.DOTALL)
    assert sent
    assert shown
    body = json.loads(sent[1].replace("\n", " "))
    answer = gateway.ask(body["query"]).json()
    assert timeless(answer) == timeless(json.loads(shown[1]))


def timeless(value: Any) -> Any:
    """An answer without what depends on the moment, and with one kind of space."""
    if isinstance(value, dict):
        return {name: timeless(item) for name, item in value.items() if name not in OF_THE_MOMENT}
    if isinstance(value, list):
        return [timeless(item) for item in value]
    return value.replace("\u00a0", " ") if isinstance(value, str) else value


def test_every_setting_is_described_and_every_described_setting_exists() -> None:
    """The table of settings has all of them and nothing else."""
    described = settings_in(README)
    assert described == {f"GATEWAY_{name}" for name in names_of(Settings)}


def settings_in(text: str) -> set[str]:
    """The settings named in a table; `__X` continues the section of the name before it."""
    rows = [row.split("|")[1] for row in text.splitlines() if row.startswith("| `GATEWAY_")]
    found = set()
    for row in rows:
        names = re.findall(r"`([A-Z_<>]+)`", row.partition("; for")[0])
        for name in names:
            found.add(name if name.startswith("GATEWAY") else names[0].rpartition("__")[0] + name)
    return found


def names_of(model: type[pydantic.BaseModel], prefix: str = "") -> set[str]:
    """The variables of all settings below a section, as the README spells them."""
    names: set[str] = set()
    for field, about in model.model_fields.items():
        section = about.annotation
        if field == "upstreams":
            names |= names_of(model_of_upstream(), "UPSTREAMS__<DOMAIN>__")
        elif isinstance(section, type) and issubclass(section, pydantic.BaseModel):
            names |= names_of(section, f"{prefix}{field.upper()}__")
        else:
            names.add(prefix + field.upper())
    return names


def model_of_upstream() -> type[pydantic.BaseModel]:
    """The section that every upstream has."""
    annotation: Any = Settings.model_fields["upstreams"].annotation
    section: type[pydantic.BaseModel] = annotation.__args__[1]
    return section
