"""What a retrain leaves for other jobs is read as it was written, or not at all."""

from pathlib import Path

import pytest

from mlops.delivery import overlay
from mlops.errors import CannotRun
from mlops.retrain import made
from remote import git
from retrain_cases import NEW, PAUSED, TITLE
from retrain_cases import made as challenger
from rollout_cases import NAME as PROD
from rollout_cases import THIRD

FOLDER = "build/retrain"
NAMES = ["about.json", "drift.md", "dvc.lock", "metrics.json", "params.yaml", "retrain.md"]


def test_what_was_written_is_read_back(remote):
    """One folder without another in it, so that it can be handed over as an artifact."""
    given = challenger(remote)
    made.write(given)
    assert NAMES == sorted(path.name for path in Path(FOLDER).iterdir())
    assert given == made.read()


def test_it_is_read_wherever_it_is(remote, tmp_path):
    """As an artifact that was downloaded."""
    given = challenger(remote)
    made.write(given, str(tmp_path / "there"))
    assert given == made.read(str(tmp_path / "there"))


def test_its_tree_is_mains_with_its_files(remote):
    """And nothing that a person has staged, or left lying about."""
    (remote.path / "mine").write_text("1")
    git(remote.path, "add", "mine")
    tree = challenger(remote).tree()
    assert ["dvc.lock", "metrics.json", "params.yaml"] == git(
        remote.path, "diff", "--name-only", "main", tree
    ).splitlines()
    assert "A  mine" == git(remote.path, "status", "--porcelain")


@pytest.mark.parametrize("name", NAMES)
def test_where_a_file_is_missing_it_cannot_be_read(remote, name):
    """Whichever it is: `mlops retrain` has to run first."""
    made.write(challenger(remote))
    Path(FOLDER, name).unlink()
    with pytest.raises(CannotRun, match=r"build/retrain.*: run `mlops retrain` first"):
        made.read()


@pytest.mark.parametrize("text", ["", "{", "[]", "7", "null", "{}", '{"main": "a", "title": "b"}', "\xe9"])
def test_where_it_does_not_say_what_it_is_it_cannot_be_read(remote, text):
    """Half a file, or something else."""
    made.write(challenger(remote))
    Path(FOLDER, "about.json").write_bytes(text.encode("latin-1"))
    with pytest.raises(CannotRun, match=r"build/retrain.*: run `mlops retrain` first"):
        made.read()


@pytest.mark.parametrize(
    ("name", "value"),
    [("main", "--output=src/a.py"), ("title", "two\nlines"), ("model_hash", "d" * 63), ("main", None)],
)
def test_what_is_no_commit_no_title_or_no_hash_is_refused(remote, name, value):
    """The job that writes it runs other code than the one that reads it, which may write."""
    made.write(challenger(remote, **{name: value}))
    with pytest.raises(CannotRun, match=r"is not what `mlops retrain` leaves \(TypeError\)"):
        made.read()


def test_it_is_late_where_prod_has_another_champion_by_now(remote):
    """It was held against the one of before."""
    given = challenger(remote)
    text = (remote.path / PROD).read_text(encoding="utf-8")
    other = overlay.with_image(text, PROD, "champion", THIRD)
    assert given == made.onto(given, remote.merge({PROD: other}))


def test_that_a_person_asked_for_it_is_kept(remote):
    """For the pull request, which then stays on a quiet day."""
    made.write(challenger(remote, asked=True))
    assert made.read().asked
    assert not made.read(_without(challenger(remote))).asked


def _without(given: made.Made) -> str:
    made.write(given, "build/other")
    return "build/other"


def test_a_file_that_is_no_text_cannot_be_read(remote):
    """It would be changed on its way."""
    made.write(challenger(remote))
    Path(FOLDER, "params.yaml").write_bytes(b"\xe9")
    with pytest.raises(CannotRun, match=r"is not what `mlops retrain` leaves \(UnicodeDecodeError\)"):
        made.read()


def test_on_todays_main_it_is_not_late(remote):
    """Its title and its model are those of the retrain."""
    given = challenger(remote)
    assert (TITLE, NEW, "") == (given.title, given.model_hash, made.late(given, remote.head("main")))


def test_it_is_late_where_main_has_moved_on(remote):
    """It was held against another champion, or would undo a merge."""
    given = challenger(remote)
    main = remote.merge({"README.md": "new\n"})
    wanted = f"main is at {main[:12]} by now, and this is made on {given.main[:12]}: the next run retrains"
    assert wanted == made.late(given, main)


@pytest.mark.parametrize(("name", "moves"), [("docs/a.md", True), ("manifests/a.yaml", True), ("src/a.py", False)])
def test_it_is_put_onto_a_newer_main_that_differs_in_what_no_image_is_made_of(remote, name, moves):
    """Not in anything else, also where both have changed."""
    given = challenger(remote)
    assert given == made.onto(given, given.main)
    main = remote.merge({name: "2\n"})
    assert (main if moves else given.main) == made.onto(given, main).main
    both = remote.merge({"params.yaml": PAUSED})
    assert given == made.onto(given, both)


def test_a_file_that_was_moved_away_has_changed_too(remote):
    """An image was made of it."""
    given = challenger(remote)
    (remote.path / "docs").mkdir()
    git(remote.path, "mv", "src/a.py", "docs/a.py")
    assert given == made.onto(given, remote.merge({}))


def test_it_is_late_where_main_wants_no_bots_work(remote):
    """Main's params count."""
    main = remote.merge({"params.yaml": PAUSED})
    assert "delivery.paused is true in params.yaml: nothing is proposed" == made.late(challenger(remote), main)
