"""What git says of every environment: read from main as it was last fetched, on a real remote."""

import json
from datetime import UTC, datetime

import pytest

from copies import ROOT, unreleased
from mlops.drift.kept import BRANCH, THERE
from mlops.errors import CannotRun
from mlops.rollout import step
from mlops.status import read
from remote import Remote, git
from rollout_cases import FIRST, NAME, PARAMS, SECOND, STABLE, STAGING, THIRD, at, when

DAYS = [f"2026-03-0{day}T12:00:00+00:00" for day in range(1, 8)]
NOBODY = {"GITHUB_TOKEN": "", "GITHUB_REPOSITORY": ""}


@pytest.fixture
def fresh(nobody, tmp_path, monkeypatch):
    """Main as a copy has it that has released nothing."""
    (tmp_path / "git").mkdir()
    made = Remote(tmp_path / "git", unreleased(ROOT) | {"params.yaml": PARAMS})
    monkeypatch.chdir(made.path)
    return made


def prod() -> read.Environment:
    """Prod, where nothing is at fault."""
    found = read.gather()
    assert [] == found.faults
    return found.environments["prod"]


def change(commit: str, day: int) -> read.Change:
    """A commit of noon of a day of March."""
    return read.Change(commit, datetime(2026, 3, day, 12, tzinfo=UTC))


def kept(remote: Remote, **texts: str) -> None:
    """Put files on the branch that `mlops keep` writes, as last fetched."""
    git(remote.path, "checkout", "-q", "--orphan", "kept")
    git(remote.path, "rm", "-rfq", ".")
    for name, text in texts.items():
        (remote.path / f"{name}.json").write_text(text, encoding="utf-8")
    git(remote.path, "add", "-A")
    git(remote.path, "commit", "-q", "-m", "kept")
    git(remote.path, "push", "-q", "origin", f"kept:{BRANCH}")
    git(remote.path, "checkout", "-q", "main")
    git(remote.path, "fetch", "-q", "origin", f"+refs/heads/{BRANCH}:{THERE}")


def look(day: str, answer: str = "quiet", sentences=()) -> str:
    """What `mlops drift` has found on a day."""
    alarms = [{"sentence": each} for each in sentences]
    return json.dumps({"as_of": day, "answer": answer, "alarms": alarms, "reference": {"model_hash": "a" * 64}})


def test_a_fresh_copy_serves_nothing_and_nothing_is_at_fault(fresh):
    """Each environment is there, without an image."""
    found = read.gather()
    assert ["dev", "prod", "staging"] == list(found.environments)
    assert [()] * 3 == [each.served for each in found.environments.values()]
    assert (True, False, None, []) == (found.fetched, found.paused, found.drift, found.faults)


def test_a_champion_has_its_commit_and_the_day_it_came(remote):
    """The model came by one commit, and prod was given it by another one."""
    brought = remote.merge({"metrics.json": json.dumps({"model_hash": SECOND.model})})
    since = when(remote, step.promoted(STABLE, NAME, "full", SECOND, "seen"), DAYS[1])
    (champion,) = prod().served
    assert ("champion", SECOND, brought, change(since, 2)) == (
        champion.role,
        champion.image,
        champion.brought.commit,
        champion.since,
    )


def test_an_open_step_has_two_images_each_since_its_own_day(remote):
    """The challenger is there since shadow, the step since a later day, the champion since before both."""
    first = remote.head("main")
    began = when(remote, at("shadow"), DAYS[1])
    moved = when(remote, at("canary-05", why="30 h of shadow"), DAYS[2])
    found = prod()
    champion, challenger = found.served
    assert ("canary-05", change(moved, 3), "30 h of shadow") == (found.step, found.changed, found.why)
    assert (SECOND, change(began, 2)) == (challenger.image, challenger.since)
    assert (FIRST, first) == (champion.image, champion.since.commit)


def test_another_challenger_at_the_same_step_is_a_change(remote):
    """The step began anew with it."""
    when(remote, at("shadow"), DAYS[0])
    other = when(remote, at("shadow", THIRD), DAYS[1])
    found = prod()
    assert (change(other, 2), change(other, 2)) == (found.changed, found.served[1].since)


def test_a_change_of_something_else_is_no_change_of_what_is_served(remote):
    """A comment of the overlay does not begin anything anew."""
    began = when(remote, at("shadow"), DAYS[0])
    when(remote, at("shadow").replace("# What prod serves", "# Of prod"), DAYS[1])
    assert change(began, 1) == prod().changed


def test_after_a_rollback_the_champion_is_alone_and_why_is_told(remote):
    """Its own day is that of before: it has answered all along."""
    before = prod().served[0].since
    when(remote, at("canary-05"), DAYS[0])
    back = when(remote, step.rolled_back(at("canary-05"), NAME, "errors of the challenger"), DAYS[1])
    found = prod()
    assert ("stable", change(back, 2), "errors of the challenger") == (found.step, found.changed, found.why)
    assert [("champion", FIRST, before)] == [(each.role, each.image, each.since) for each in found.served]


def test_a_model_that_main_never_had_is_served_all_the_same(remote):
    """It is no fault of what looks: `trace` says more."""
    when(remote, at("shadow"), DAYS[0])
    champion, challenger = prod().served
    assert champion.brought is not None
    assert challenger.brought is None


def test_main_is_looked_at_whatever_is_checked_out(remote):
    """A branch, a detached head or a changed file of this folder says nothing of main."""
    git(remote.path, "checkout", "-q", "--detach")
    (remote.path / NAME).write_text("broken", encoding="utf-8")
    git(remote.path, "commit", "-q", "-a", "-m", "mine")
    found = read.gather()
    assert (True, remote.head("main")) == (found.fetched, found.main.commit)
    assert "stable" == found.environments["prod"].step


def test_without_an_origin_the_commit_here_is_looked_at(remote):
    """It is said that it is not main as fetched."""
    git(remote.path, "remote", "remove", "origin")
    found = read.gather(NOBODY)
    assert (False, git(remote.path, "rev-parse", "HEAD")) == (found.fetched, found.main.commit)


def test_without_a_commit_there_is_nothing_to_look_at(tmp_path, monkeypatch):
    """A folder that is no repository."""
    monkeypatch.chdir(tmp_path)
    with pytest.raises(CannotRun, match="not a git repository"):
        read.gather()


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("images: [", f"{NAME} has no list of images"),
        (STABLE.replace("../../rollout/stable", "../../rollout/canary-33"), f"{NAME} should name one step"),
        (STABLE.replace("  annotations:", "  annotations: [a]\n  more:"), f"{NAME} is no overlay that can be read"),
        (at("shadow").replace("name: challenger", "name: other"), f"{NAME} is no overlay that can be read"),
    ],
)
def test_an_overlay_that_cannot_be_read_is_named_and_the_others_are_told(remote, text, said):
    """No YAML, no such step, annotations that are none, a step without its challenger."""
    when(remote, text, DAYS[0])
    found = read.gather()
    assert found.environments["prod"] is None
    assert [True] == [fault.startswith(said) for fault in found.faults]
    assert "stable" == found.environments["staging"].step


def test_an_overlay_that_could_not_be_read_once_is_where_history_ends(remote):
    """What it says now it says since it can be read again."""
    when(remote, "images: [", DAYS[0])
    again = when(remote, STABLE, DAYS[1])
    assert change(again, 2) == prod().changed == prod().served[0].since


def test_a_shallow_clone_tells_what_is_served_and_not_since_when(remote, tmp_path, monkeypatch):
    """What is not there cannot be told from what never was."""
    when(remote, at("shadow"), DAYS[0])
    git(tmp_path, "clone", "-q", "--depth", "1", f"file://{remote.bare}", "shallow")
    monkeypatch.chdir(tmp_path / "shallow")
    found = read.gather()
    assert [None, None] == [each.since for each in found.environments["prod"].served]
    assert 1 == len(found.faults)
    assert "run `git fetch --unshallow`" in found.faults[0]


@pytest.mark.parametrize(("said", "paused"), [("paused: false", False), ("paused: true", True)])
def test_whether_the_bots_are_paused_is_mains_word(remote, said, paused):
    """As params.yaml of main says, and not the one of this folder."""
    remote.merge({"params.yaml": PARAMS.replace("paused: false", said)})
    (remote.path / "params.yaml").write_text("{}", encoding="utf-8")
    assert paused is read.gather().paused


def test_params_that_cannot_be_read_leave_that_open(remote):
    """The fault names the file."""
    remote.merge({"params.yaml": "delivery: 1\n"})
    found = read.gather()
    assert found.paused is None
    assert ["params.yaml"] == [fault.split()[0].rstrip(":") for fault in found.faults]


def test_of_what_drift_has_kept_the_newest_day_is_told(remote):
    """Of all champions; a file that is none of ours is left out."""
    kept(remote, a=look("2026-01-31"), b=look("2026-02-28", "retrain", ["income: PSI 0.4"]), c="{", d="[]")
    expected = read.Drift("2026-02-28", "a" * 64, "retrain", ("income: PSI 0.4",))
    assert expected == read.gather().drift


def test_without_a_branch_of_drift_nothing_is_kept(remote):
    """And it is no fault."""
    found = read.gather()
    assert (None, []) == (found.drift, found.faults)


def test_every_environment_of_main_is_found_and_nothing_else(remote):
    """A folder without a kustomization.yaml is none."""
    commit = remote.merge({"manifests/overlays/notes/README.md": "x", "manifests/overlays/a/b/kustomization.yaml": "x"})
    assert ["prod", "staging"] == read.names(commit)
    assert STAGING in git(remote.path, "ls-tree", "-r", "--name-only", commit)
