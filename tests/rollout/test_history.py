"""Since when, and who before: from the history of main alone."""

from datetime import UTC, datetime

import pytest

from mlops.delivery import overlay
from mlops.errors import CannotRun
from mlops.rollout import history, step
from remote import git
from rollout_cases import FIRST, NAME, SECOND, STABLE, THIRD, at, main, when

DAYS = [f"2026-03-0{day}T12:00:00+00:00" for day in range(1, 8)]


@pytest.fixture
def remote(tmp_path, monkeypatch):
    """Main, as working directory."""
    made = main(tmp_path)
    monkeypatch.chdir(made.path)
    return made


def day(number: int) -> datetime:
    """Noon of a day of March."""
    return datetime(2026, 3, number, 12, tzinfo=UTC)


def test_a_step_is_open_since_main_has_it(remote):
    """A change of something else does not begin it anew; another step, or another challenger, does."""
    when(remote, at("shadow"), DAYS[0])
    when(remote, at("canary-01"), DAYS[1])
    same = at("canary-01").replace("# What prod serves", "# Of prod")
    commit = when(remote, same, DAYS[2])
    assert day(2) == history.since("prod", commit)
    commit = when(remote, at("canary-01", THIRD), DAYS[3])
    assert day(4) == history.since("prod", commit)


def test_a_step_that_is_opened_again_begins_again(remote):
    """What was before a rollback is another try."""
    when(remote, at("shadow", THIRD), DAYS[0])
    when(remote, STABLE, DAYS[1])
    commit = when(remote, at("shadow", THIRD), DAYS[2])
    assert day(3) == history.since("prod", commit)


def test_the_champions_of_before_are_known(remote):
    """The last first, each once, whatever steps lay between."""
    text = STABLE
    for place, image in enumerate((SECOND, THIRD, SECOND)):
        for part, name in enumerate(("canary-50", "full")):
            text = step.promoted(text, NAME, name, image, "a test")
            commit = when(remote, text, DAYS[2 * place + part])
    assert [THIRD, FIRST] == history.champions("prod", commit)


def test_an_overlay_that_was_laid_out_otherwise_ends_nothing(remote):
    """What cannot be read is passed over."""
    when(remote, "images: no list\n", DAYS[0])
    commit = when(remote, step.promoted(STABLE, NAME, "full", SECOND, "a test"), DAYS[1])
    assert ([FIRST], day(2)) == (history.champions("prod", commit), history.since("prod", commit))


def test_a_clone_without_history_is_refused(remote, tmp_path, monkeypatch):
    """What it does not have cannot be told from what never was."""
    git(tmp_path, "clone", "-q", "--depth", "1", f"file://{remote.bare}", "shallow")
    monkeypatch.chdir(tmp_path / "shallow")
    with pytest.raises(CannotRun, match="unshallow"):
        history.since("prod", "HEAD")
    assert overlay.images((tmp_path / "shallow" / NAME).read_text(), NAME)
