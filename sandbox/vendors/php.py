"""Queries as PHP reads them: `filter[@xmlId][0]=a` is a list in a map."""

import re
from typing import Any
from urllib.parse import parse_qsl

_STEP = re.compile(r"\[([^\]]*)\]")


def parse_query(query: str) -> dict[str, Any]:
    """Nested maps; a map whose names are numbers from 0 on is a list."""
    root: dict[str, Any] = {}
    for name, value in parse_qsl(query, keep_blank_values=True):
        head = name.partition("[")[0]
        steps = [head, *_STEP.findall(name[len(head) :])]
        place = root
        for step in steps[:-1]:
            place = place.setdefault(step or str(len(place)), {})
        place[steps[-1] or str(len(place))] = value
    return {name: _listed(value) for name, value in root.items()}


def _listed(value: Any) -> Any:
    if not isinstance(value, dict):
        return value
    inner = {name: _listed(one) for name, one in value.items()}
    is_list = list(inner) == [str(number) for number in range(len(inner))] and inner
    return list(inner.values()) if is_list else inner
