from typing import Any

import pytest

from benchmarks.harness.checking import differences


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ({"a": 1, "b": [True, None, "x"]}, {"b": [True, None, "x"], "a": 1}),
        ({"average": 4.0}, {"average": 4}),
        ([], []),
    ],
    ids=["order of keys", "the same number", "nothing"],
)
def test_the_same_json_in_another_spelling_is_no_difference(one: Any, other: Any) -> None:
    """Serialisers may differ in what JSON does not care about."""
    assert list(differences(one, other)) == []


@pytest.mark.parametrize(
    ("expected", "got", "place"),
    [
        ({"a": {"b": "1"}}, {"a": {"b": 1}}, "$.a.b"),
        ({"a": None}, {}, "$.a"),
        ({}, {"a": None}, "$.a"),
        ([{"p": 1}, {"p": 2}], [{"p": 1}, {"p": 3}], "$[1].p"),
        ([1, 2], [1], "$"),
        ({"isPersonal": True}, {"isPersonal": 1}, "$.isPersonal"),
        ({"rating": {"count": 1}}, {"rating": None}, "$.rating"),
    ],
    ids=["type", "absent", "additional", "value", "length", "boolean", "null for an object"],
)
def test_a_difference_is_told_with_its_place(expected: Any, got: Any, place: str) -> None:
    """Whoever added a contender reads where its answer is wrong."""
    (told,) = differences(expected, got)
    assert told.startswith(f"{place}: expected")


def test_every_difference_is_found() -> None:
    """One wrong field does not hide the next."""
    assert len(list(differences({"a": 1, "b": 2, "c": 3}, {"a": 0, "b": 2, "c": 0}))) == 2
