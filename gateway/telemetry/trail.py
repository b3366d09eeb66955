"""What one operation waited for and caused: the waterfall of its slow line.

The trail travels in a context variable, so a load that an operation sets off knows whose it is. A
load that several operations wait for is on the trail of the first; the others' trails show how long
they waited for it.
"""

import contextvars
import time
from typing import Any, Final

MOST_STEPS: Final = 100


class Step:
    """One wait or one call; times on the monotonic clock, `ended` is None while it lasts."""

    __slots__ = ("began", "ended", "kind", "name", "note")

    def __init__(self, kind: str, name: str, began: float) -> None:
        self.kind = kind
        self.name = name
        self.began = began
        self.ended: float | None = None
        self.note = ""

    def end(self, note: str) -> None:
        """It is over, in this way."""
        self.ended = time.monotonic()
        self.note = note


class Trail:
    """One operation's steps, the first hundred of them."""

    __slots__ = ("began", "left_out", "steps")

    def __init__(self) -> None:
        self.began = time.monotonic()
        self.steps: list[Step] = []
        self.left_out = 0

    def begin(self, kind: str, name: str) -> Step:
        """A wait or a call begins now."""
        step = Step(kind, name, time.monotonic())
        if len(self.steps) < MOST_STEPS:
            self.steps.append(step)
        else:
            self.left_out += 1
        return step


current: contextvars.ContextVar[Trail | None] = contextvars.ContextVar("trail", default=None)


def describe_trail(trail: Trail, now: float) -> list[dict[str, Any]]:
    """The steps in the order of their beginning: what, from when, how long (ms), and how it ended."""
    return [
        {
            "what": f"{step.kind} {step.name}",
            "from_ms": round((step.began - trail.began) * 1000, 1),
            "ms": round(((step.ended or now) - step.began) * 1000, 1),
            "ended": step.note if step.ended is not None else "under way",
        }
        for step in sorted(trail.steps, key=lambda step: step.began)
    ]
