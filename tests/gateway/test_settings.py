"""What an operator may set, and what is said of a slip."""

import json
import os
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError
from pydantic_settings import SettingsError

from clients.values import DataSource, SalesChannel
from gateway.__main__ import main
from gateway.commands.reading import CommandFailed, read_settings
from gateway.settings import (
    SOURCE_OF_UPSTREAM,
    MissingUpstreams,
    Settings,
    UnreadableSettings,
    refuse_unknown_names,
    require_upstreams,
)
from gateway.upstreams import decide_policy
from gateway.vendors import VENDORS

ADDRESSES = {f"GATEWAY_UPSTREAMS__{name.upper()}__URL": f"http://{name}.local" for name in SOURCE_OF_UPSTREAM}


@pytest.fixture(autouse=True)
def own_variables(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in os.environ if name.upper().startswith("GATEWAY_")]:
        monkeypatch.delenv(name)


def set_all(monkeypatch: pytest.MonkeyPatch, **variables: str) -> None:
    for name, value in variables.items():
        monkeypatch.setenv(name, value)


def test_variables_set_everything(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nested settings are joined by two underscores, and lists separated by commas."""
    set_all(
        monkeypatch,
        **ADDRESSES,
        GATEWAY_UPSTREAMS__PRICING__TIMEOUT_S="0.7",
        GATEWAY_UPSTREAMS__PRICING__API_KEY="key-of-pricing",
        GATEWAY_SHOP__CHANNEL="IOS",
        GATEWAY_ORIGINS="https://shop.example, http://localhost:3000,",
        GATEWAY_CACHE__IS_ENABLED="false",
        GATEWAY_TRUSTED_PROXIES="10.0.0.0/8,::1",
        GATEWAY_LIMITS__EXCEPTIONS=json.dumps({"a" * 64: {"cost": 30_000}}),
    )
    settings = Settings()
    require_upstreams(settings)
    assert settings.upstreams["pricing"].timeout_s == 0.7
    assert settings.upstreams["pricing"].api_key.get_secret_value() == "key-of-pricing"
    assert settings.shop.channel is SalesChannel.IOS
    assert settings.origins == ("https://shop.example", "http://localhost:3000")
    assert not settings.cache.is_enabled
    assert settings.trusted_proxies == ("10.0.0.0/8", "::1")
    assert settings.limits.exceptions == {"a" * 64: {"cost": 30_000}}


def test_secrets_are_not_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    """Settings may be printed to a log."""
    set_all(monkeypatch, **ADDRESSES, GATEWAY_UPSTREAMS__PRICING__API_KEY="key-of-pricing")
    assert "key-of-pricing" not in repr(Settings())


def test_variables_win_over_the_file_and_arguments_over_both(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A file holds what is common, variables what differs, the command line what is tried out."""
    file = tmp_path / "gateway.toml"
    file.write_text('port = 1\nworkers = 1\nhost = "0.0.0.0"\n[shop]\nlanguage = "kk"\ncurrency = "KZT"\n')
    set_all(monkeypatch, GATEWAY_SETTINGS=str(file), GATEWAY_PORT="2", GATEWAY_WORKERS="2", GATEWAY_SHOP__LANGUAGE="en")
    settings = Settings(workers=3)
    assert (settings.host, settings.port, settings.workers) == ("0.0.0.0", 2, 3)
    assert (settings.shop.language, settings.shop.currency) == ("en", "KZT")


@pytest.mark.parametrize(
    ("variables", "said"),
    [
        ({"GATEWAY_PROT": "1"}, "got: GATEWAY_PROT."),
        ({"GATEWAY_CACHE_IS_ENABLED": "0", "gateway_hots": "x"}, "got: GATEWAY_CACHE_IS_ENABLED, gateway_hots."),
        ({"GATEWAY_PORT": "http"}, "PORT: Input should be a valid integer"),
        ({"GATEWAY_PORT": "65536"}, "PORT: Input should be less than or equal to 65535"),
        ({"GATEWAY_SHOP__LANG": "ru"}, "SHOP__LANG: Extra inputs are not permitted"),
        ({"GATEWAY_SHOP__CURRENCY": "rub"}, "SHOP__CURRENCY: String should match pattern"),
        ({"GATEWAY_UPSTREAMS__PRICNG__URL": "http://p"}, "UPSTREAMS__PRICNG__[KEY]: Input should be 'catalogue'"),
        ({"GATEWAY_UPSTREAMS__PRICING__URL": "pricing"}, "UPSTREAMS__PRICING__URL: Input should be a valid URL"),
        ({"GATEWAY_UPSTREAMS__PRICING__API_KEY": "s3cret"}, "UPSTREAMS__PRICING__URL: Field required"),
        ({"GATEWAY_UPSTREAMS": "{s3cret"}, 'error parsing value for field "upstreams"'),
        ({"GATEWAY_ORIGINS": "https://shop.example/"}, "ORIGINS: Value error, expected origins as browsers send them"),
        ({"GATEWAY_ORIGINS": '["https://a"]'}, "ORIGINS: Value error, expected origins as browsers send them"),
        ({"GATEWAY_IDENTITY__ISSUER": "shop"}, "IDENTITY: Value error, expected both issuer and jwks_url, or neither"),
        ({"GATEWAY_SETTINGS": "nowhere.toml"}, "Expected GATEWAY_SETTINGS to name a TOML file, got 'nowhere.toml'"),
        ({}, "Expected an address for every system, got none for: GATEWAY_UPSTREAMS__CATALOGUE__URL, "),
    ],
)
def test_a_slip_gives_one_clear_line(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], variables: dict[str, str], said: str
) -> None:
    """The server does not start: one line names the setting and what was expected, and repeats no secret."""
    set_all(monkeypatch, **variables)
    assert main(["serve"]) == 2
    shown = capsys.readouterr()
    assert shown.out == ""
    assert shown.err.startswith("gateway: ")
    assert shown.err.count("\n") == 1
    assert said in shown.err
    assert "s3cret" not in shown.err


def test_a_file_that_is_not_toml_gives_one_clear_line(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    """The line names the file and the place in it."""
    file = tmp_path / "gateway.toml"
    file.write_text("port = 1\nhost = [\n")
    monkeypatch.setenv("GATEWAY_SETTINGS", str(file))
    assert main(["serve"]) == 2
    said = capsys.readouterr().err
    assert said.startswith(f"gateway: Expected '{file}' to be readable as TOML, got: ")
    assert said.count("\n") == 1


def test_an_unknown_name_in_the_file_is_an_error(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A slip in the file does not pass in silence either."""
    file = tmp_path / "gateway.toml"
    file.write_text("prot = 1\n")
    monkeypatch.setenv("GATEWAY_SETTINGS", str(file))
    with pytest.raises(ValidationError, match="prot"):
        Settings()


SLIPS: dict[str, dict[str, Any]] = {
    "a limit that does not exist": {"limits": {"exceptions": {"a" * 64: {"dept": 5}}}},
    "an exception for a name": {"limits": {"exceptions": {"ProductPage": {"depth": 5}}}},
    "any proxy": {"trusted_proxies": "*"},
    "a proxy by name": {"trusted_proxies": "proxy.local"},
    "half a network": {"trusted_proxies": "10.0.0.1/8"},
}


@pytest.mark.parametrize("slip", SLIPS)
def test_who_is_let_in_is_never_guessed(slip: str) -> None:
    """A proxy that is no address, and an exception that binds to nothing, stop the start."""
    with pytest.raises(ValidationError, match=r"expected|pattern"):
        Settings(**SLIPS[slip])


def test_proxies_are_addresses_and_networks() -> None:
    """Several are separated by commas, as in a variable."""
    given: Any = {"trusted_proxies": "10.0.0.0/8, 192.0.2.7, ::1"}
    assert Settings(**given).trusted_proxies == ("10.0.0.0/8", "192.0.2.7", "::1")


def test_known_names_are_not_refused() -> None:
    """Every setting, its nested parts in any case, the name of the file, and what is not ours."""
    names = [*ADDRESSES, "GATEWAY_SETTINGS", "gateway_port", "GATEWAY_shop__Language", "PATH", "MY_GATEWAY_X"]
    refuse_unknown_names(names, Settings.model_fields)


def test_every_missing_system_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    """All variables that are still to be set are in the one line."""
    set_all(monkeypatch, GATEWAY_UPSTREAMS__GEO__URL="http://geo.local")
    with pytest.raises(MissingUpstreams) as refused:
        require_upstreams(Settings())
    missing = [name for name in ADDRESSES if name in str(refused.value)]
    assert missing == [name for name in ADDRESSES if "GEO" not in name]


@pytest.mark.parametrize("slip", [MissingUpstreams("m"), UnreadableSettings("m"), SettingsError("m")])
def test_every_kind_of_slip_is_explained_as_text(slip: Exception, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever is wrong with the settings ends a command with one line."""

    def refuse(settings: Settings) -> None:
        raise slip

    set_all(monkeypatch)
    monkeypatch.setattr("gateway.commands.reading.require_upstreams", refuse)
    with pytest.raises(CommandFailed, match=r"^m$"):
        read_settings()


def test_an_operators_timeout_reaches_every_layer() -> None:
    """The total time of a call is the operator's, and no shorter limit of the wire cuts it."""
    given: dict[str, Any] = {"upstreams": {"pricing": {"url": "http://p.local", "timeout_s": 30, "connections": 7}}}
    policy = decide_policy(DataSource.PRICING, Settings(**given).upstreams["pricing"], VENDORS["pricing"]["generic"])
    assert policy.deadline.total_s == 30
    assert policy.wire.read_s >= 30
    assert policy.wire.total_s >= 30
    assert policy.wire.connections == 7


def test_the_schema_is_printed_without_any_settings(capsys: pytest.CaptureFixture[str]) -> None:
    """`gateway schema` needs no system and no server."""
    assert main(["schema"]) == 0
    assert "type Query {" in capsys.readouterr().out
