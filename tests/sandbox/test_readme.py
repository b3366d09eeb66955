"""The sandbox's README tells the truth."""

import argparse
import re
from pathlib import Path

import msgspec
import pytest

from sandbox.__main__ import _parser
from sandbox.server.faults import Faults
from tests.sandbox.driving import Driver

README = (Path(__file__).parents[2] / "sandbox" / "README.md").read_text()
CITIES = next(line for line in README.splitlines() if line.startswith("Cities:"))
NAMES = re.findall(r"`((?:obuv|odezhda|kosmetika|cust)(?:-[a-z]+)*|[a-z-]+-\d{1,2})`", README) + re.findall(
    r"`(\w+)`", CITIES
)


@pytest.fixture(scope="module")
def known(started: Driver) -> str:
    return started.client.get(f"{started.control}/known").text


@pytest.mark.parametrize("name", NAMES)
def test_names_exist(known: str, name: str) -> None:
    """Every handle, customer and city that is named is really known."""
    assert f'"{name}"' in known


def test_options() -> None:
    """Every option is explained with its default, and no other is."""
    actions = [action for action in _parser()._actions if not isinstance(action, argparse._HelpAction)]
    told = re.findall(r"^\| `(--[a-z-]+)", README, re.MULTILINE)
    assert told == [action.option_strings[0] for action in actions]
    for action in actions:
        if action.default not in (None, False):
            assert f"`{action.option_strings[0]} {action.default}`" in README


def test_faults() -> None:
    """Every field of faults and every mode is explained."""
    for field in msgspec.structs.fields(Faults):
        assert f"`{field.encode_name}`" in README
    (mode,) = (field.type for field in msgspec.structs.fields(Faults) if field.name == "mode")
    assert all(f"`{name}`" in README for name in mode.__args__ if name != "none")


def test_control_calls(driver: Driver) -> None:
    """Every call of the control API that is named is there."""
    calls = re.findall(r"`(GET|POST|PUT|DELETE) (/[^`]*)`", README)
    assert len(calls) >= 9
    for method, path in calls:
        response = driver.client.request(method, driver.control + path.replace("{domain}", "geo"), content=b"{}")
        assert response.status_code not in (404, 405), path
