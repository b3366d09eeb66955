"""Switches of a simulator: names with usual values, set by the control API."""

from typing import Any

from sandbox.upstreams.contract import Json


class Switches:
    """A simulator's switches by name; a value keeps the type of its usual one."""

    def __init__(self, **usual: Any) -> None:
        self._usual = usual
        self._set = dict(usual)

    def __getitem__(self, name: str) -> Any:
        return self._set[name]

    def switches(self) -> Json:
        """All of them."""
        return dict(self._set)

    def switch(self, wanted: Json) -> None:
        """Set some; raises ValueError, and changes nothing, for a name or a type that is not known."""
        for name, value in wanted.items():
            if name not in self._usual:
                raise ValueError(f"expected some of {', '.join(self._usual)}, got {name!r}")
            kind = type(self._usual[name])
            if type(value) is not kind:
                raise ValueError(f"{name}: expected {kind.__name__}, got {type(value).__name__}")
        self._set |= wanted

    def reset(self) -> None:
        """All as usual."""
        self._set = dict(self._usual)
