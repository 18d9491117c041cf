"""From anything that names a model back to the data it was made of; a broken link is named."""

import argparse
import json
import sqlite3
import sys

import pytest

from copies import unreleased
from images_built import needs_images
from mlops.delivery import overlay, trace
from mlops.delivery import registry as registries
from mlops.delivery.build_key import build_key
from mlops.errors import CannotRun
from oci import archive
from remote import Remote, git

A, B = "a" * 64, "b" * 64
DIGEST = f"sha256:{'d' * 64}"
PROD = overlay.OVERLAY.format("prod")
LOCK = "stages:\n  train:\n    params:\n      params.yaml:\n        train: {seed: 1}\n    outs:\n    - {path: models/model.onnx, md5: m5}\n"


def made(model: str, data: str) -> dict[str, str]:
    """The files of a merge that brings a model."""
    metrics = {
        "model_hash": model,
        "data_hash": data,
        "window": {"start": "2024-01"},
        "rows": {"test": 9},
        "metrics": {"roc_auc": 0.8},
    }
    return {"metrics.json": json.dumps(metrics), "dvc.lock": LOCK}


@pytest.fixture
def remote(tmp_path, monkeypatch):
    """Main with two models one after the other, the first of which is put into prod; a checkout of it as working directory."""
    overlays = unreleased()
    files = {"Dockerfile": "FROM scratch\n", ".dockerignore": "*\n!metrics.json\n"}
    remote = Remote(tmp_path, overlays | files)
    monkeypatch.chdir(remote.path)
    remote.first = remote.merge(made(A, "d1"), "A better model (#12)")
    remote.merge(made(B, "d2"), "Merge pull request #13 from acme/next")
    serve(remote, "ghcr.io/acme/model", DIGEST, A)
    return remote


def serve(remote, repository: str, digest: str, model: str) -> None:
    """Put an image into prod."""
    image = overlay.Image(repository, digest, model)
    text = overlay.with_image(remote.text("main", PROD) + "\n", PROD, "champion", image)
    remote.merge({PROD: text}, "Deploy to prod (#14)")


def told(capsys, *words: str) -> tuple[int, dict]:
    """Exit code, and the links."""
    parser = argparse.ArgumentParser()
    trace.add_arguments(parser)
    code = trace.run(parser.parse_args([*words, "--json"]))
    return code, json.loads(capsys.readouterr().out)


@pytest.fixture
def reached(monkeypatch):
    """A registry that has the image: what it says is tested with a real one below."""
    labels = {
        "org.opencontainers.image.revision": "c",
        "mlops.build-key": "k",
        "mlops.model-hash": A,
        "mlops.data-hash": "d1",
    }
    found = registries.Found(overlay.Image("ghcr.io/acme/model", DIGEST), labels)
    monkeypatch.setattr(registries, "find", lambda name, reference: found)


@pytest.mark.parametrize("what", ["prod", DIGEST, f"ghcr.io/acme/model@{DIGEST}", A, "first"])
def test_every_way_leads_to_the_same_data(remote, reached, capsys, what):
    """An environment, a digest, a model hash, a commit."""
    code, said = told(capsys, remote.first if what == "first" else what)
    assert 0 == code
    assert (A, remote.first, "pull request #12") == (
        said["model"]["hash"],
        said["commit"]["commit"],
        said["commit"]["verdict"],
    )
    assert ("d1", {"start": "2024-01"}, {"seed": 1}) == (
        said["data"]["data_hash"],
        said["data"]["window"],
        said["data"]["train"],
    )
    assert {"roc_auc": 0.8} == said["metrics"]
    assert build_key(remote.first) == said["commit"]["build_key_then"]
    (served,) = said["served by"]["environments"]
    assert ("prod", None, "Deploy to prod (#14)") == (served["environment"], served["until"], served["change"])


def test_what_is_served_no_more_is_told_with_its_end(remote, reached, capsys):
    """Since when, and until when; a commit that changes something else in the overlay ends nothing."""
    text = remote.text("main", PROD) + "\n# a comment\n"
    remote.merge({PROD: text}, "A comment")
    serve(remote, "ghcr.io/acme/model", f"sha256:{'e' * 64}", B)
    (served,) = told(capsys, DIGEST)[1]["served by"]["environments"]
    (now,) = told(capsys, f"sha256:{'e' * 64}")[1]["served by"]["environments"]
    assert ("Deploy to prod (#14)", now["since"], None) == (served["change"], served["until"], now["until"])


def test_of_a_model_in_two_images_every_environment_is_told(remote, reached, capsys):
    """dev may have another image of it than prod."""
    name, other = overlay.OVERLAY.format("dev"), f"sha256:{'e' * 64}"
    image = overlay.Image("ghcr.io/acme/model", other, A)
    remote.merge(
        {name: overlay.with_image(remote.text("main", name) + "\n", name, "champion", image)}, "Deploy to dev (#15)"
    )
    told_of = {each["environment"]: each["image"] for each in told(capsys, A)[1]["served by"]["environments"]}
    assert {"dev": f"ghcr.io/acme/model@{other}", "prod": f"ghcr.io/acme/model@{DIGEST}"} == told_of


def test_an_environment_that_served_nothing_between_is_told_twice(remote, reached, capsys):
    """What came back was away."""
    remote.merge({PROD: unreleased(remote.path)[PROD]}, "Take it out (#15)")
    serve(remote, "ghcr.io/acme/model", DIGEST, A)
    now, before = told(capsys, DIGEST)[1]["served by"]["environments"]
    assert (None, True) == (now["until"], before["until"] <= now["since"])


def test_an_image_of_other_data_is_a_broken_link(remote, reached, monkeypatch, capsys):
    """The same model bytes may come of other rows."""
    found = registries.find("", "")
    other = registries.Found(found.image, found.labels | {"mlops.data-hash": "d9"})
    monkeypatch.setattr(registries, "find", lambda name, reference: other)
    code, said = told(capsys, DIGEST)
    assert (1, True) == (code, said["data"].startswith("BROKEN: the image's label says data d9"))


def test_a_branch_that_was_merged_is_not_main(remote, capsys):
    """The merge brought the model, and names the pull request; what only the branch had main never had."""
    git(remote.path, "checkout", "-q", "-b", "work")
    for model in ("1" * 64, "2" * 64):
        (remote.path / "metrics.json").write_text(made(model, "d3")["metrics.json"])
        git(remote.path, "commit", "-q", "-a", "-m", "work")
    git(remote.path, "checkout", "-q", "main")
    git(remote.path, "merge", "-q", "--no-ff", "-m", "Merge pull request #20 from acme/work", "work")
    git(remote.path, "push", "-q", "origin", "main")
    assert "pull request #20" == told(capsys, "2" * 64)[1]["commit"]["verdict"]
    assert told(capsys, "1" * 64)[1]["commit"].startswith("BROKEN: no commit of main has model 111111111111")


@pytest.mark.parametrize(
    ("message", "said"),
    [
        (
            "Better (#31)\n\nReviewed-by: Bo <bo@example.com>\nApproved-by: Cy <cy@example.com>",
            "Bo <bo@example.com>, Cy <cy@example.com>",
        ),
        ("Better (#31)", "not in git: see the reviews of #31"),
        ("Better", "not in git, and no pull request is named"),
    ],
)
def test_who_approved_is_what_the_commit_says(remote, capsys, message, said):
    """GitHub keeps reviews beside git: where there is no trailer, it is said where to look."""
    remote.merge(made("7" * 64, "d7"), message)
    assert said == told(capsys, "7" * 64)[1]["commit"]["approved"]


def test_a_shallow_clone_is_said(remote, tmp_path, monkeypatch, capsys):
    """Its oldest commit made nothing."""
    git(tmp_path, "clone", "-q", "--depth", "1", f"file://{remote.bare}", "shallow")
    monkeypatch.chdir(tmp_path / "shallow")
    with pytest.raises(CannotRun, match="this clone is shallow"):
        told(capsys, A)


@pytest.mark.parametrize("log", ["no-such-file", "text", "sqlite:///no-such.db", "sqlite:///empty.db"])
def test_a_log_that_is_none_is_one_sentence(remote, capsys, log):
    """Not there, no lines of JSON, no table."""
    (remote.path / "text").write_text("r-1 is no JSON\n")
    sqlite3.connect(remote.path / "empty.db").close()
    with pytest.raises(CannotRun, match="cannot be read as a prediction log|is not there: name the prediction log"):
        told(capsys, "r-1", "--log", log)


def test_a_password_is_in_no_sentence(monkeypatch):
    """Nor where the driver is missing."""
    monkeypatch.setitem(sys.modules, "psycopg", None)
    with pytest.raises(CannotRun, match="postgresql cannot be read") as error:
        trace.logged("r-1", "postgresql://ann:secret@host/base")
    assert "secret" not in str(error.value)


def test_a_request_that_two_models_answered_is_no_guess(remote, tmp_path, capsys):
    """A mirror repeats the id."""
    lines = [json.dumps({"request_id": "r-1", "model_hash": model}) for model in (A, B)]
    (tmp_path / "log.jsonl").write_text("\n".join(lines))
    with pytest.raises(CannotRun, match=f"answered by several models, trace each: {A}, {B}"):
        told(capsys, "r-1", "--log", str(tmp_path / "log.jsonl"))


def test_a_request_leads_to_the_model_that_answered_it(remote, tmp_path, capsys):
    """From a SQLite log, or from lines that a collector kept."""
    with sqlite3.connect(tmp_path / "log.db") as connection:
        connection.execute("CREATE TABLE predictions (request_id TEXT, model_hash TEXT)")
        connection.execute("INSERT INTO predictions VALUES ('r-1', ?)", [B])
    (tmp_path / "log.jsonl").write_text(json.dumps({"request_id": "r-1", "model_hash": B}) + "\n")
    for log in (f"sqlite:///{tmp_path}/log.db", str(tmp_path / "log.db"), str(tmp_path / "log.jsonl")):
        code, said = told(capsys, "r-1", "--log", log)
        assert (0, B, "d2", "pull request #13") == (
            code, said["request"]["model_hash"], said["data"]["data_hash"], said["commit"]["verdict"],
        )  # fmt: skip
        with pytest.raises(CannotRun, match="has no request r-2: it is another log, or the row was dropped"):
            told(capsys, "r-2", "--log", log)


@pytest.mark.parametrize(
    ("what", "said"),
    [("r-1", "a request id is looked for in the prediction log that --log names"), ("dev", "dev serves nothing yet")],
)
def test_what_names_nothing_is_an_error(remote, capsys, what, said):
    """With what could be named."""
    with pytest.raises(CannotRun, match=said):
        told(capsys, what)


def test_a_model_that_main_never_had_is_a_broken_link(remote, capsys):
    """The link is named, and the rest is told all the same."""
    code, said = told(capsys, "f" * 64)
    assert (1, True) == (code, said["commit"].startswith("BROKEN: no commit of main has model ffffffffffff"))
    assert {"environments": []} == said["served by"]


def test_a_person_reads_it_in_lines(remote, reached, capsys):
    """One a fact."""
    parser = argparse.ArgumentParser()
    trace.add_arguments(parser)
    assert 0 == trace.run(parser.parse_args(["prod"]))
    lines = capsys.readouterr().out.splitlines()
    assert "data       data_hash: d1" in lines
    assert lines[-1].startswith("served by  prod since 20")


@pytest.mark.slow
@needs_images
def test_a_real_registry_is_asked_and_held_against_git(remote, registry, tmp_path, capsys):
    """Its labels; an image that is gone, one of another model, and a registry that is away are broken links."""
    name = f"{registry.host}/acme/model"
    labels = {
        "org.opencontainers.image.revision": "c",
        "mlops.build-key": "k",
        "mlops.model-hash": A,
        "mlops.data-hash": "d1",
    }
    digest = archive(tmp_path / "image.tar", labels)
    registries.copy(str(tmp_path / "image.tar"), name, digest)
    serve(remote, name, digest, A)
    code, said = told(capsys, "prod")
    assert (0, f"{name}@{digest}", "k") == (code, said["image"]["image"], said["image"]["build-key"])
    serve(remote, name, digest, B)
    code, said = told(capsys, "prod")
    assert (1, True) == (code, said["image"].startswith("BROKEN: its label says model aaaaaaaaaaaa"))
    serve(remote, name, DIGEST, A)
    assert f"BROKEN: {name} has no {DIGEST} (any more)" in told(capsys, "prod")[1]["image"]
    registry.stop()
    code, said = told(capsys, "prod")
    assert (1, "d1") == (code, said["data"]["data_hash"])
    assert "gives no answer" in said["image"]
