"""How many slow operations are told of, when many are slow."""

from gateway.telemetry.watch import SlowLines


def test_five_a_second_are_told_and_the_others_counted() -> None:
    """A worker that is slow for everybody does not write a waterfall for everybody."""
    lines = SlowLines()
    told = [lines.allows(100 + number / 100) for number in range(50)]
    assert told == [True] * 5 + [False] * 45
    assert lines.allows(101.0)
    assert lines.take_untold() == 45
    assert lines.take_untold() == 0
