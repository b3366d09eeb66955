"""Saying no to a client: what was expected, what was given, and never a fault of ours."""

from typing import Any, Protocol, TypeVar

from clients.errors import RequestRefused
from clients.values import Problem

V = TypeVar("V", bound="Answer")


class BadInput(Exception):
    """An argument that no answer fits; the message is written for whoever wrote the query."""

    @property
    def extensions(self) -> dict[str, Any]:
        """What a client may read beside the message."""
        return {"code": "BAD_USER_INPUT"}


class Answer(Protocol):
    """What a source gives to a question that it may find wrong."""

    @property
    def problem(self) -> Problem | None: ...


def answered(outcome: V | None | Exception) -> V | None | Exception:
    """An answer, or the refusal that its problem stands for."""
    if outcome is None or isinstance(outcome, Exception) or outcome.problem is None:
        return outcome
    return RequestRefused(outcome.problem)
