"""Whose microseconds they are: sampled stacks put into the layers of the gateway.

A sample belongs to the layer of its innermost frame that has one; frames of the standard library and
of extension modules belong to whoever called them. The first line of LAYERS that fits decides.

py-spy's raw form is one line per stack: `outermost (file:line);...;innermost (file:line) samples`. It takes
threads that wait on a lock for busy ones; they are left out.
"""

import re
from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Any

import msgspec

LAYERS = (
    ("write", ("gateway/execution/writing.py", "gateway/execution/fragments.py", "gateway/http/envelope.py")),
    ("execution", ("gateway/execution/", "gateway/engine.py", "graphql/", "strawberry/")),
    ("loaders", ("resolvers/loaders/", "resolvers/hydration.py")),
    ("resolvers", ("resolvers/",)),
    ("cache", ("gateway/cache/", "gateway/responses.py", "gateway/datasets.py")),
    ("edge", ("gateway/resilience/admission.py", "gateway/resilience/door.py")),
    ("client", ("gateway/resilience/wire.py", "clients/", "httpx/", "aiohttp/", "yarl/", "multidict/")),
    ("guards", ("gateway/resilience/",)),
    ("edge", ("gateway/", "starlette/")),
    ("server", ("uvicorn/", "asyncio/", "uvloop/")),
)
OTHER = "other"
WAITING = "wait (threading.py"
_LINE = re.compile(r":\d+\)$")


class Stack(msgspec.Struct, frozen=True):
    """One stack, outermost first, and how often it was seen."""

    frames: tuple[str, ...]
    samples: int


def read_stacks(raw: str) -> list[Stack]:
    """Read py-spy's raw form."""
    lines = (line.rpartition(" ") for line in raw.splitlines() if line.strip())
    stacks = (Stack(tuple(frames.split(";")), int(samples)) for frames, _, samples in lines)
    return [stack for stack in stacks if WAITING not in stack.frames[-1]]


def layer_of(frames: Sequence[str]) -> str:
    """The layer of the innermost frame that has one."""
    return next((layer for frame in reversed(frames) if (layer := layer_of_frame(frame))), OTHER)


def layer_of_frame(frame: str) -> str | None:
    return next((layer for layer, places in LAYERS if any(f"({place}" in frame for place in places)), None)


def by_layer(stacks: Iterable[Stack]) -> Counter[str]:
    """Samples per layer."""
    counted: Counter[str] = Counter()
    for stack in stacks:
        counted[layer_of(stack.frames)] += stack.samples
    return counted


def by_function(stacks: Iterable[Stack]) -> Counter[str]:
    """Samples per function that was running, whatever it called in C counted in."""
    counted: Counter[str] = Counter()
    for stack in stacks:
        counted[_LINE.sub(")", stack.frames[-1])] += stack.samples
    return counted


def as_speedscope(name: str, stacks: Sequence[Stack]) -> dict[str, Any]:
    """The flame graph as https://www.speedscope.app reads it."""
    places: dict[str, int] = {}
    samples = [[places.setdefault(frame, len(places)) for frame in stack.frames] for stack in stacks]
    weights = [stack.samples for stack in stacks]
    profile = {
        "type": "sampled",
        "name": name,
        "unit": "none",
        "startValue": 0,
        "endValue": sum(weights),
        "samples": samples,
        "weights": weights,
    }
    return {
        "$schema": "https://www.speedscope.app/file-format-schema.json",
        "shared": {"frames": [{"name": frame} for frame in places]},
        "profiles": [profile],
        "name": name,
        "activeProfileIndex": 0,
        "exporter": "benchmarks/profiling.py",
    }
