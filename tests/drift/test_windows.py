"""Windows of time: which there are, and from which day on each is closed and settled."""

from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlops.drift import windows
from mlops.errors import CannotRun

DAYS = st.dates(date(2019, 1, 1), date(2032, 12, 31))


def named(last: str, as_of: str, every: str = "month", delay: int = 0) -> dict[str, tuple[bool, bool]]:
    """{window: whether it is closed, and settled}."""
    found = windows.since(date.fromisoformat(last), date.fromisoformat(as_of), every, delay)
    return {each.name: (each.closed, each.settled) for each in found}


@pytest.mark.parametrize(
    ("every", "last", "as_of", "expected"),
    [
        ("month", "2024-12-31", "2025-02-01", ["2025-01", "2025-02"]),
        ("month", "2024-11-30", "2025-01-31", ["2024-12", "2025-01"]),
        ("week", "2024-12-29", "2025-01-06", ["2024-12-30", "2025-01-06"]),
        ("day", "2024-02-27", "2024-03-01", ["2024-02-28", "2024-02-29", "2024-03-01"]),
        ("day", "2024-12-31", "2025-01-01", ["2025-01-01"]),
    ],
)
def test_windows_go_over_the_ends_of_months_and_years(every, last, as_of, expected):
    """A month by its name, a week by its Monday, a day by itself."""
    assert expected == list(named(last, as_of, every))


def test_before_the_first_new_day_there_is_no_window():
    """On the last day of the reference, or before it."""
    assert [{}, {}] == [named("2025-01-31", as_of) for as_of in ("2025-01-31", "2024-06-01")]


@given(DAYS, st.integers(0, 200), st.sampled_from(list(windows.FREQUENCY)), st.integers(0, 60))
def test_every_new_day_is_in_one_window_and_no_day_of_the_reference_is(last, days, every, delay):
    """Each begins where the one before it ended; only the last one may be open, and none is settled before it is closed."""
    as_of = last + timedelta(days=days)
    found = windows.since(last, as_of, every, delay)
    ends = [last + timedelta(days=1), *(each.end.date() for each in found)]
    assert ends[:-1] == [each.start.date() for each in found]
    assert ends[-1] > as_of
    assert all(each.closed for each in found[:-1])
    assert all(each.closed for each in found if each.settled)


def test_a_week_that_the_reference_ends_in_gives_its_other_days():
    """March ends on a Monday: its week begins with the Tuesday."""
    first, second = windows.since(date(2025, 3, 31), date(2025, 4, 7), "week", 0)
    assert ("2025-04-01", datetime(2025, 4, 1), datetime(2025, 4, 7)) == (first.name, first.start, first.end)
    assert "2025-04-07" == second.name


@pytest.mark.parametrize(
    ("every", "last", "before", "on"),
    [
        ("month", "2023-12-31", "2024-01-30", "2024-01-31"),
        ("month", "2024-01-31", "2024-02-28", "2024-02-29"),
        ("month", "2025-01-31", "2025-02-27", "2025-02-28"),
        ("week", "2025-01-05", "2025-01-11", "2025-01-12"),
    ],
)
def test_a_window_closes_with_its_last_day(every, last, before, on):
    """The whole of the day as of which one looks has been; a day earlier the window is open."""
    assert [(False, False)] == list(named(last, before, every).values())
    assert [(True, True)] == list(named(last, on, every).values())


def test_a_day_is_closed_on_itself():
    """The day as of which one looks has been."""
    assert {"2025-01-01": (True, False)} == named("2024-12-31", "2025-01-01", "day", delay=1)


def test_a_window_is_settled_when_the_labels_of_its_last_day_are_there():
    """30 days after it, and no day earlier."""
    assert (True, False) == named("2025-01-31", "2025-03-29", delay=30)["2025-02"]
    assert (True, True) == named("2025-01-31", "2025-03-30", delay=30)["2025-02"]


def test_without_a_day_it_is_today():
    """In UTC, wherever the machine is."""
    before, found, after = datetime.now(UTC).date(), windows.day(""), datetime.now(UTC).date()
    assert before <= found <= after


def test_a_day_that_has_been_is_taken():
    """Also the 29th of February of a leap year."""
    assert date(2024, 2, 29) == windows.day("2024-02-29")


@pytest.mark.parametrize("text", ["yesterday", "2025-02-29", "2025-13-01", "30.09.2025", "2025-09"])
def test_what_is_no_day_is_refused_with_a_sentence(text):
    """It says how to write one."""
    with pytest.raises(CannotRun, match=f"^AS_OF is '{text}', which is no day: write it as 20..-..-..$"):
        windows.day(text)


def test_a_day_to_come_is_refused():
    """Its windows would be empty, and count as closed."""
    with pytest.raises(CannotRun, match=r"^AS_OF is 2999-01-01, a day to come: .* at the latest$"):
        windows.day("2999-01-01")
