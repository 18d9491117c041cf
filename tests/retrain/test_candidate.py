"""The commit that a retrain's image is built of is pushed once, and only where it is a retrain of today's main."""

import json

import pytest

from mlops.cli import main as mlops
from mlops.delivery.proposal import EMAIL
from mlops.retrain import made
from remote import git
from retrain_cases import NEW, OLD, PAUSED, TITLE, files
from retrain_cases import made as challenger

BRANCH = "retrain/candidate"


@pytest.fixture(autouse=True)
def _stub(stub):
    """The API."""


def refused(remote, capsys, sentence: str) -> None:
    """The verb ends with 2 and says why, and nothing is pushed."""
    assert 2 == mlops(["candidate"])
    error = capsys.readouterr().err
    assert sentence in error
    assert ("", False) == (remote.head(BRANCH), "Traceback" in error)


def test_it_is_one_commit_on_main(remote, outputs):
    """The bot's, with the challenger's files and no others; its name is an output, and no pull request is opened."""
    made.write(challenger(remote))
    assert 0 == mlops(["candidate"])
    head = remote.head(BRANCH)
    assert {"commit": head} == outputs()
    assert [f"{remote.head('main')} {EMAIL} {TITLE}"] == git(
        remote.bare, "log", "--format=%P %ce %s", f"main..{BRANCH}"
    ).splitlines()
    assert sorted(files()) == git(remote.bare, "diff", "--name-only", "main", head).splitlines()
    assert {name: text.strip() for name, text in files().items()} == {
        name: remote.text(BRANCH, name) for name in files()
    }


def test_the_same_again_is_the_same_commit(remote, outputs):
    """So its image is not built twice."""
    made.write(challenger(remote))
    assert 0 == mlops(["candidate"])
    before = outputs()
    assert (0, before) == (mlops(["candidate"]), outputs())


def test_another_challenger_takes_its_place(remote, outputs):
    """There is one; nobody's work is on that branch."""
    made.write(challenger(remote))
    mlops(["candidate"])
    before, other = outputs(), "e" * 64
    made.write(challenger(remote, model_hash=other, files=files(other)))
    assert 0 == mlops(["candidate"])
    assert {"commit": remote.head(BRANCH)} == outputs() != before
    assert remote.head("main") == git(remote.bare, "rev-parse", f"{BRANCH}^")


def test_where_main_has_moved_on_nothing_is_pushed(remote, outputs, capsys):
    """It is no error: the next run retrains, and the jobs after it have nothing to build."""
    made.write(challenger(remote))
    remote.merge({"README.md": "new\n"})
    assert 0 == mlops(["candidate"])
    said = outputs()
    assert ("", "") == (said["commit"], remote.head(BRANCH))
    assert "by now, and this is made on" in said["said"]
    assert f"candidate: {said['said']}\n" in capsys.readouterr().out


@pytest.mark.parametrize("name", ["manifests/overlays/staging/note.md", "docs/drift.md"])
def test_where_main_has_moved_on_in_what_no_image_is_made_of_it_is_pushed_onto_that(remote, outputs, name):
    """A deployment takes no challenger's time."""
    made.write(challenger(remote))
    main = remote.merge({name: "new\n"})
    assert 0 == mlops(["candidate"])
    assert {"commit": remote.head(BRANCH)} == outputs()
    assert main == git(remote.bare, "rev-parse", f"{BRANCH}^")


def test_while_delivery_is_paused_nothing_is_pushed(remote, outputs, capsys):
    """Main's params count."""
    remote.merge({"params.yaml": PAUSED})
    made.write(challenger(remote, files=files(params=PAUSED)))
    assert 0 == mlops(["candidate"])
    assert ({"commit": "", "said": "delivery.paused is true in params.yaml: nothing is proposed"}, "") == (
        outputs(),
        remote.head(BRANCH),
    )
    assert "candidate: delivery.paused is true in params.yaml: nothing is proposed" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("min_gain: 0.005", "min_gain: 0.5"),
        ("paused: false", "paused: true"),
        ("salt: ", "salt: other-"),
        ("shadow: {requests: 1000, hours: 1}", "shadow: {requests: 1, hours: 1}"),
    ],
)
def test_params_that_change_more_than_the_window_are_refused(remote, capsys, old, new):
    """Whoever trains sets no limit of its own."""
    given = files()
    assert old in given["params.yaml"]
    made.write(challenger(remote, files=given | {"params.yaml": given["params.yaml"].replace(old, new)}))
    refused(remote, capsys, "build/retrain/params.yaml changes more than `data.window`: run `mlops retrain` first")


@pytest.mark.parametrize("text", ["data: [", "data: 7\n", "new: 1\n", ""])
def test_params_that_are_none_are_refused(remote, capsys, text):
    """As anybody's are."""
    made.write(challenger(remote, files=files() | {"params.yaml": text}))
    refused(remote, capsys, "mlops candidate: params.yaml")


@pytest.mark.parametrize(
    ("metrics", "said"), [(json.dumps({"model_hash": OLD}), OLD[:12]), ("{}", "none"), ("[]", "none"), ("{", "none")]
)
def test_metrics_of_another_model_are_refused(remote, capsys, metrics, said):
    """They are what main is judged by after the merge."""
    made.write(challenger(remote, files=files() | {"metrics.json": metrics}))
    refused(remote, capsys, f"metrics.json is of model {said}, and {NEW[:12]} was judged: run `mlops retrain` first")


@pytest.mark.parametrize("name", ["about.json", "params.yaml", "dvc.lock", "metrics.json", "retrain.md", "drift.md"])
def test_where_not_all_files_are_there_nothing_is_pushed(remote, capsys, name):
    """Its retrain has to run first."""
    made.write(challenger(remote))
    (remote.path / "build/retrain" / name).unlink()
    refused(remote, capsys, "run `mlops retrain` first")
