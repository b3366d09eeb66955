"""The page about the cache says what the code does."""

from dataclasses import fields
from pathlib import Path

from gateway.cache import purge_log, shared
from gateway.cache.freshness import MissReason
from gateway.cache.metrics import DatasetCounters
from gateway.cache.policy import DEFAULT_POLICIES, Policy
from gateway.cache.tags import KINDS

PAGE = (Path(__file__).parents[2] / "docs" / "cache.md").read_text(encoding="utf-8")


def row(name: str, policy: Policy) -> str:
    """A line of the table of terms."""
    times = (policy.fresh_s, policy.stale_while_revalidate_s, policy.stale_if_error_s, policy.negative_s)
    return f"| {name} | {policy.scope.__name__} | {' | '.join(f'{int(seconds)}' for seconds in times)} |"


def test_the_table_of_terms_is_the_policies() -> None:
    """Every policy has its line, and there is no other line."""
    expected = []
    for dataset, policy in DEFAULT_POLICIES.items():
        expected.append(row(f"`{dataset.value}`", policy))
        if policy.signed_in is not None:
            expected.append(row(f"`{dataset.value}`, signed in", policy.signed_in))
    assert [line for line in PAGE.splitlines() if line.startswith("| `")] == expected


def test_every_kind_of_tag_is_named() -> None:
    """The kinds on the page are the kinds that parse."""
    listed = PAGE.split("kinds are ")[1].split(".")[0]
    assert {word.strip("`\n ") for word in listed.split(",")} == KINDS


def test_every_counter_is_named() -> None:
    """Counters and reasons of misses are all on the page."""
    words = {field.name for field in fields(DatasetCounters)} - {"served_age"} | {reason.value for reason in MissReason}
    assert [word for word in sorted(words) if f"`{word}`" not in PAGE] == []


def test_the_figures_in_the_text_are_the_codes() -> None:
    """Four looks a second, a second of rest, five thousand records, ten seconds of repetition."""
    assert (shared.LOOK_EVERY_S, shared.REST_AFTER_ERROR_S) == (0.25, 1.0)
    assert (purge_log.HISTORY, purge_log.REPUBLISH_S) == (5000, 10.0)
    assert "the last 5,000 records" in PAGE
    assert "the last ten seconds" in PAGE
