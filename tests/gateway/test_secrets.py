"""What of the settings must never be seen."""

from typing import Any

from pydantic import BaseModel, SecretStr

from gateway import vendors
from gateway.secrets import secrets_of
from gateway.settings import SOURCE_OF_UPSTREAM, Settings


def test_secrets_are_found_wherever_they_stand(monkeypatch: Any) -> None:
    """Keys of systems, of the store and of the page, and those that only a vendor's options know as secrets."""

    class Inner(BaseModel):
        token: SecretStr

    class Options(BaseModel):
        partner: str
        key: SecretStr
        several: tuple[Inner, ...]
        by_name: dict[str, SecretStr]

    acme = vendors.Vendor(Options, lambda *_: None)
    monkeypatch.setitem(vendors.VENDORS, "pricing", {"acme": acme})
    upstreams: Any = {name: {"url": f"http://{name}.local"} for name in SOURCE_OF_UPSTREAM}
    upstreams["stock"]["api_key"] = "key of stock"
    upstreams["pricing"] |= {
        "vendor": "acme",
        "options": {"partner": "42", "key": "one", "several": [{"token": "two"}], "by_name": {"x": "three"}},
    }
    ops: Any = {"token": "key of ops"}
    cache: Any = {"shared_url": "valkey://:word@cache.local:6379"}
    found = secrets_of(Settings(upstreams=upstreams, ops=ops, cache=cache))
    assert set(found) == {"key of stock", "key of ops", "valkey://:word@cache.local:6379", "one", "two", "three"}
