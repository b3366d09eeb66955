"""Whether a draft of an answer is worth its making."""

from gateway.drafted import FIRST_GUESS_S, Meetings

PAGE, OTHER = 1, 2


def test_what_is_asked_for_once_gets_no_draft() -> None:
    """A search that nobody repeats costs what it costs."""
    meetings = Meetings()
    assert not meetings.is_worth_drafting(PAGE, 100.0)
    assert not meetings.is_worth_drafting(OTHER, 100.1)


def test_what_comes_twice_within_a_drafts_life_gets_one() -> None:
    """Asked for again so soon that the next two may come before the draft ends."""
    meetings = Meetings()
    meetings.is_worth_drafting(PAGE, 100.0)
    assert meetings.is_worth_drafting(PAGE, 100.0 + FIRST_GUESS_S / 2)
    assert not meetings.is_worth_drafting(PAGE, 100.0 + FIRST_GUESS_S / 2 + FIRST_GUESS_S / 2 + 0.1)


def test_how_long_drafts_lived_decides() -> None:
    """Of a page whose stock is always just being refreshed no draft lives long; of one without stock it does."""
    meetings = Meetings()
    for answer, lives_s in ((PAGE, 0.25), (OTHER, 30.0)):
        meetings.is_worth_drafting(answer, 100.0)
        for _ in range(10):
            meetings.note_life(answer, lives_s)
    assert not meetings.is_worth_drafting(PAGE, 100.5)
    assert meetings.is_worth_drafting(OTHER, 110.0)


def test_only_so_many_are_remembered() -> None:
    """Whoever invents questions makes us forget others, and takes no more memory."""
    meetings = Meetings(most=100)
    for number in range(1000):
        meetings.is_worth_drafting(number, 100.0)
    assert len(meetings._met) == 100
    assert not meetings.is_worth_drafting(0, 100.0)
    assert meetings.is_worth_drafting(999, 100.0)
