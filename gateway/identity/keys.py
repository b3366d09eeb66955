"""The issuer's public keys (RFC 7517): fetched once, kept, and looked up anew when a token names an unknown one."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import msgspec
from joserfc.errors import JoseError
from joserfc.jwk import ECKey, OKPKey, RSAKey

from gateway.identity.tokens import PublicKey

MAX_KEYS = 32

Fetch = Callable[[], Awaitable[bytes]]
"""Fetch the key set's JSON; may raise anything."""

_TYPES: dict[str, type[PublicKey]] = {"RSA": RSAKey, "EC": ECKey, "OKP": OKPKey}
_PRIVATE = frozenset({"d", "p", "q", "dp", "dq", "qi", "k"})


class KeySet(msgspec.Struct, frozen=True):
    """A JSON Web Key Set."""

    keys: list[dict[str, Any]]


_key_set = msgspec.json.Decoder(KeySet)


class KeysUnavailable(Exception):
    """The issuer's keys are not known and cannot be fetched now."""


def read_keys(document: bytes) -> dict[str, PublicKey]:
    """Read the keys that may verify tokens, by `kid`; a key for something else, or broken, is left out.

    Raises KeysUnavailable when the document is no key set.
    """
    try:
        found = _key_set.decode(document).keys[:MAX_KEYS]
    except (msgspec.DecodeError, UnicodeDecodeError):
        raise KeysUnavailable("Expected a JSON Web Key Set; got something else.") from None
    return {data["kid"]: key for data in found if (key := _public_key(data)) is not None}


def _public_key(data: dict[str, Any]) -> PublicKey | None:
    kind = data.get("kty")
    operations = data.get("key_ops", ["verify"])
    fits = data.get("use", "sig") == "sig" and isinstance(operations, list) and "verify" in operations
    if not fits or not isinstance(kind, str) or kind not in _TYPES or not isinstance(data.get("kid"), str):
        return None
    public = {name: value for name, value in data.items() if name not in _PRIVATE and name != "key_ops"}
    try:
        return _TYPES[kind].import_key(public)
    except (JoseError, ValueError, TypeError, KeyError):
        return None


class KeyRing:
    """Keys by id. `kept_s` is their age at which they are fetched again, `pause_s` the least time between two
    fetches, so that tokens with invented key ids cannot make us hammer the issuer.

    While the issuer is away the keys that we know go on verifying.
    """

    def __init__(self, fetch: Fetch, now: Callable[[], float], *, kept_s: float = 300.0, pause_s: float = 30.0) -> None:
        self._fetch = fetch
        self._now = now
        self._kept_s = kept_s
        self._pause_s = pause_s
        self._keys: dict[str, PublicKey] = {}
        self._fetched_at = float("-inf")
        self._tried_at = float("-inf")
        self._fetching: asyncio.Task[None] | None = None
        self.version = 0

    async def find(self, kid: str | None) -> PublicKey | None:
        """Find a key, fetching the set if it is old or does not have this one; None if there is no such key.

        Without a `kid` the only key is meant. Raises KeysUnavailable while nothing is known at all.
        """
        if self._now() - self._fetched_at > self._kept_s or self._pick(kid) is None:
            await self._refresh()
        if not self._keys:
            raise KeysUnavailable("Expected the issuer's keys; they could not be fetched.")
        return self._pick(kid)

    def _pick(self, kid: str | None) -> PublicKey | None:
        if kid is not None:
            return self._keys.get(kid)
        return next(iter(self._keys.values())) if len(self._keys) == 1 else None

    async def _refresh(self) -> None:
        """Fetch once for everybody who waits; a waiter that leaves does not take the fetch along."""
        if self._fetching is None:
            if self._now() - self._tried_at < self._pause_s:
                return
            self._tried_at = self._now()
            self._fetching = asyncio.create_task(self._load())
        await asyncio.shield(self._fetching)

    async def _load(self) -> None:
        try:
            keys = read_keys(await self._fetch())
        except Exception:  # noqa: BLE001 -- whatever went wrong, the keys that we have stay
            return
        finally:
            self._fetching = None
        if {kid: key.as_dict() for kid, key in keys.items()} != {kid: key.as_dict() for kid, key in self._keys.items()}:
            self.version += 1
        self._keys = keys
        self._fetched_at = self._now()
