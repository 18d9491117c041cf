"""Main's model, found wherever its bytes are: real git and real DVC around a pipeline of one small stage."""

import hashlib
import json
import shutil
from dataclasses import dataclass
from pathlib import Path

import onnx
import pandas as pd
import pytest
import yaml

from copies import Copy
from judging import model
from mlops import baseline
from mlops.errors import CannotRun
from mlops.files import write_json, write_table, write_text
from mlops.onnx_model import KEY, Model

MODEL, KEYS, CHECKS = "models/model.onnx", "models/training_keys.parquet", "reports/deepchecks.json"
REPORT = {"schema": 1, "checks": []}
SPEC = {
    "columns": [{"name": "amount", "type": "number", "categories": []}],
    "task": "binary",
    "classes": [],
    "threshold": 0.4,
}
METRICS = {name: {} for name in ("data_hash", "window", "rows", "metrics", "slices", "parity")}
ASKED = """\
version: 1
task: binary
target: late
positive: 1
id: loan
columns: {amount: {type: number}, late: {type: integer}, lost: {type: integer}, kind: {type: category, categories: [a, b, c]}}
"""
SEVERAL = ASKED.replace("binary", "multiclass").replace("target: late\npositive: 1", "target: kind")
# Main's own training, as main's tree has it: which rows it is given, and whether it still asks for a column that is gone.
TRAIN = """
import pathlib, shutil, sys, yaml, pandas
assert sys.argv[1:] == ["train"]
columns = yaml.safe_load(pathlib.Path("data/contract.yaml").read_text())["columns"]
if columns["gone"]["feature"]:
    sys.exit("first words\\nmlops train: the table has no column 'gone'")
pathlib.Path("models").mkdir()
shutil.copy("GIVEN/model.onnx", "models/model.onnx")
pandas.read_parquet("data/prepared/train.parquet")[["key"]].to_parquet("models/training_keys.parquet")
"""


@dataclass(frozen=True)
class World(Copy):
    """A tree whose commit `main` has a lock, and whose cache holds what the lock names."""

    given: Path = Path()  # what the stages make, made elsewhere

    @property
    def hash(self) -> str:
        """The model hash of what training gives."""
        return hashlib.sha256((self.given / "model.onnx").read_bytes()).hexdigest()

    def commit(self) -> str:
        """Commit everything; the new head."""
        self.git("add", "-A")
        self.git("commit", "-q", "-m", "a change")
        return self.git("rev-parse", "HEAD")

    def find(self) -> baseline.Baseline | None:
        """Main's model, for a candidate of other bytes."""
        return baseline.find(self.main, other(), {"x"}, self.path)

    def without_cache(self) -> Path:
        """As in a fresh clone; the folder to which the cache went, laid out as a store is."""
        store = self.path.parent / "store"
        shutil.move(self.path / ".dvc/cache", store)
        return store


def other() -> Model:
    """The small model with another threshold, so with other bytes."""
    made = onnx.load_from_string(model().data)
    onnx.helper.set_model_props(made, {KEY: json.dumps(SPEC)})
    return Model(made.SerializeToString())


def md5(data: bytes) -> str:
    """The name of these bytes in DVC."""
    return hashlib.md5(data, usedforsecurity=False).hexdigest()


def out(path: str, data: bytes) -> dict:
    """An output as dvc.lock names it."""
    return {"path": path, "hash": "md5", "md5": md5(data), "size": len(data)}


@pytest.fixture
def world(tmp_path, monkeypatch):
    """Main's tree and its lock, written by hand as DVC writes it."""
    monkeypatch.delenv("DVC_REMOTE_URL", raising=False)
    tree, given = tmp_path / "tree", tmp_path / "given"
    write_table(given / "training_keys.parquet", pd.DataFrame({"key": ["a", "b"]}))
    (given / "model.onnx").write_bytes(model().data)
    write_json(given / "deepchecks.json", REPORT)
    stages = {
        "train": {
            "cmd": f"mkdir -p models && cp {given}/model.onnx {given}/training_keys.parquet models",
            "outs": [MODEL, KEYS],
        },
        "deepchecks": {"cmd": f"mkdir -p reports && cp {given}/deepchecks.json reports", "outs": [CHECKS]},
    }
    write_text(tree / "dvc.yaml", yaml.safe_dump({"stages": stages}))
    write_text(tree / ".dvc/config", "[core]\n    analytics = false\n")
    write_text(tree / ".gitignore", "models/\nreports/\n/data/prepared/\n.dvc/cache/\n.dvc/tmp/\n.dvc/config.local\n")
    write_text(tree / "data/contract.yaml", "columns: {amount: {type: number}, gone: {type: number}}")
    write_text(tree / "src/mlops/__main__.py", TRAIN.replace("GIVEN", str(given)))
    write_text(tree / "src/mlops/__init__.py", "")
    lock = {"schema": "2.0", "stages": {}}
    for name, stage in stages.items():
        outs = [out(path, (given / Path(path).name).read_bytes()) for path in stage["outs"]]
        lock["stages"][name] = {"cmd": stage["cmd"], "outs": outs}
        for found in outs:
            kept = tree / ".dvc/cache/files/md5" / found["md5"][:2] / found["md5"][2:]
            kept.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(given / Path(found["path"]).name, kept)
    write_text(tree / "dvc.lock", yaml.safe_dump(lock))
    write_json(tree / "metrics.json", {"schema": 1, "model_hash": model().hash, **METRICS})
    made = World(tree, "HEAD", given)
    made.git("init", "-q", "-b", "main")
    made.git("config", "user.name", "A Person")
    made.git("config", "user.email", "person@example.com")
    return World(tree, made.commit(), given)


def test_the_base_is_origins_main_else_main(world):
    """A branch is compared with what it will be merged into; a copy without a remote, with its own main."""
    assert world.main == baseline.resolve(None, world.path)
    write_text(world.path / "new", "")
    newer = world.commit()
    world.git("update-ref", "refs/remotes/origin/main", world.main)
    assert world.main == baseline.resolve(None, world.path)
    assert newer == baseline.resolve("main", world.path)


def test_a_base_that_is_not_there_is_refused(world):
    """A name given by hand is none of this repository's."""
    with pytest.raises(CannotRun, match=r"^BASE is 'elsewhere', and there is no such commit here"):
        baseline.resolve("elsewhere", world.path)


@pytest.mark.parametrize(
    ("remotes", "sentence"),
    [
        ([], "neither a branch `main` nor a remote"),
        (["origin"], "run `git fetch origin main:refs/remotes/origin/main`"),
    ],
)
def test_without_a_main_it_says_how_to_get_one(world, remotes, sentence):
    """A clone of one branch has a remote and no main; a fresh repository has neither."""
    world.git("branch", "-m", "main", "feature")
    for name in remotes:
        world.git("remote", "add", name, str(world.path))
    with pytest.raises(CannotRun, match=sentence):
        baseline.resolve(None, world.path)


def test_mains_figures_are_those_of_its_commit(world):
    """What lies in the tree is the candidate's."""
    write_text(world.path / "metrics.json", "{}")
    metrics, lock = baseline.committed(world.main, world.path)
    assert (model().hash, {"train", "deepchecks"}) == (metrics["model_hash"], set(lock["stages"]))


@pytest.mark.parametrize(
    ("name", "text", "sentence"),
    [
        ("metrics.json", None, r"metrics.json of main \(.{8}\) is absent: run `make pr` on main"),
        ("dvc.lock", None, r"dvc.lock of main \(.{8}\) is absent: run `make pr` on main"),
        ("metrics.json", '{"schema": 1', r"metrics.json of main \(.{8}\) is not valid JSON .*: run `make pr` there"),
        ("metrics.json", "", r"metrics.json of main \(.{8}\) is not valid JSON .*: run `make pr` there"),
        (
            "metrics.json",
            "[]",
            r"metrics.json of main \(.{8}\) has schema None, or lacks a key, and this template reads 1",
        ),
        ("metrics.json", '{"schema": 2}', r"metrics.json of main \(.{8}\) has schema 2, or lacks a key"),
        ("metrics.json", '{"schema": 1}', r"metrics.json of main \(.{8}\) has schema 1, or lacks a key"),
        ("dvc.lock", "<<<<<<< HEAD\n", r"dvc.lock of main \(.{8}\) has conflict markers: take main's with"),
        ("dvc.lock", "stages: null", r"dvc.lock of main \(.{8}\) is no lock of DVC: restore it"),
    ],
)
def test_figures_of_main_that_cannot_be_read_are_refused(world, name, text, sentence):
    """A baseline that should be there is never waved through."""
    (world.path / name).unlink() if text is None else write_text(world.path / name, text)
    with pytest.raises(CannotRun, match=f"^{sentence}"):
        baseline.find(world.commit(), other(), set(), world.path)


def test_a_history_without_any_model_is_a_first_run(world):
    """The only case in which there is nothing to compare with."""
    world.git("rm", "-q", "-r", "--cached", ".")
    first = world.git("commit-tree", world.git("write-tree"), "-m", "empty")
    assert None is baseline.find(first, other(), set(), world.path)


def test_a_lock_that_was_deleted_is_no_first_run(world):
    """Else deleting both files would open the gates for the next pull request."""
    for name in ("metrics.json", "dvc.lock"):
        (world.path / name).unlink()
    with pytest.raises(CannotRun, match="is absent"):
        baseline.find(world.commit(), other(), set(), world.path)


def test_a_shallow_clone_cannot_tell_a_first_run(world, tmp_path):
    """The sentence holds the command that fetches the rest."""
    for name in ("metrics.json", "dvc.lock"):
        (world.path / name).unlink()
    world.commit()
    world.git("clone", "-q", "--depth", "1", f"file://{world.path}", str(tmp_path / "shallow"))
    with pytest.raises(CannotRun, match="this clone is shallow.*: run `git fetch --unshallow`"):
        baseline.committed("HEAD", tmp_path / "shallow")


def test_a_candidate_that_is_mains_model_is_compared_with_itself(world):
    """Byte for byte: then the keys are the candidate's too."""
    found = baseline.find(world.main, model(), {"x"}, world.path)
    assert ("committed", world.hash, {"x"}) == (found.how, found.model.hash, found.keys)


def test_mains_bytes_come_from_the_cache_by_their_hash(world):
    """With the keys of the rows that they were trained on."""
    found = world.find()
    assert ("rescored", world.hash, {"a", "b"}, "") == (found.how, found.model.hash, found.keys, found.note)


def test_mains_bytes_come_from_the_store(world, monkeypatch, capsys):
    """Where the cache has none, and nothing is trained."""
    monkeypatch.setenv("DVC_REMOTE_URL", str(world.without_cache()))
    found = world.find()
    assert ("rescored", world.hash, {"a", "b"}) == (found.how, found.model.hash, found.keys)
    assert "training it" not in capsys.readouterr().out


def test_where_mains_bytes_are_nowhere_its_own_tree_is_run(world, capsys):
    """The same hash comes out: it is main's model, and no worktree is left."""
    world.without_cache()
    found = world.find()
    assert ("rescored", world.hash, {"a", "b"}) == (found.how, found.model.hash, found.keys)
    assert "main's model is in no cache: training it from main's tree" in capsys.readouterr().out
    assert 1 == len(world.git("worktree", "list").splitlines())


def test_a_model_that_cannot_be_made_again_is_said_to_be_another(world):
    """Another machine may give other bytes: the report says which were compared."""
    world.without_cache()
    (world.given / "model.onnx").write_bytes(other().data)
    found = world.find()
    assert ("trained", other().hash) == (found.how, found.model.hash)
    assert f"its tree trained here gives {other().hash[:12]}" in found.note


def test_a_main_that_cannot_be_had_is_refused(world):
    """Neither found nor trained: one sentence, and nothing left behind."""
    world.without_cache()
    (world.given / "model.onnx").unlink()
    with pytest.raises(CannotRun, match=r"is in no cache and could not be trained again: the lines above say why$"):
        world.find()
    assert 1 == len(world.git("worktree", "list").splitlines())


def test_a_store_that_was_named_and_cannot_be_reached_is_refused(world, monkeypatch):
    """What may be in it must not count as absent; nothing is trained, nothing left behind."""
    world.without_cache()
    monkeypatch.setenv("DVC_REMOTE_URL", f"{world.given}/model.onnx/store")
    with pytest.raises(CannotRun, match=r"^DVC_REMOTE_URL .* cannot be reached .* or unset DVC_REMOTE_URL$"):
        world.find()
    assert 1 == len(world.git("worktree", "list").splitlines())


@pytest.mark.parametrize("share", [0.5, 0.0])
def test_a_damaged_cache_is_refused(world, share):
    """DVC does not look at the bytes of its cache again; the model hash in metrics.json does."""
    name = md5(model().data)
    kept = world.path / ".dvc/cache/files/md5" / name[:2] / name[2:]
    kept.write_bytes(model().data[: int(share * len(model().data))])
    with pytest.raises(CannotRun, match=r"its metrics.json says .*: delete .dvc/cache, then run `make pr` on main$"):
        world.find()


def test_a_model_that_this_template_cannot_read_is_refused(world):
    """The bytes are main's, and no model: the sentence says so in one line."""
    junk = b"not a model"
    lock = yaml.safe_load((world.path / "dvc.lock").read_text())
    lock["stages"]["train"]["outs"][0] = found = out(MODEL, junk)
    write_text(world.path / "dvc.lock", yaml.safe_dump(lock))
    write_json(world.path / "metrics.json", {"schema": 1, "model_hash": hashlib.sha256(junk).hexdigest(), **METRICS})
    kept = world.path / ".dvc/cache/files/md5" / found["md5"][:2] / found["md5"][2:]
    kept.parent.mkdir(parents=True)
    kept.write_bytes(junk)
    with pytest.raises(
        CannotRun, match=r"^main's models/model.onnx \(sha256 .{12}\) cannot be read .*: train it again$"
    ):
        baseline.find(world.commit(), other(), set(), world.path)


def test_a_report_of_main_comes_from_the_cache(world):
    """By the hash in main's lock."""
    assert REPORT == baseline.report(world.main, CHECKS, world.path)


def test_a_report_of_main_comes_from_the_store(world, monkeypatch):
    """Without running anything: what the stage would make now is another."""
    monkeypatch.setenv("DVC_REMOTE_URL", str(world.without_cache()))
    write_json(world.given / "deepchecks.json", {})
    assert REPORT == baseline.report(world.main, CHECKS, world.path)


def test_a_report_that_a_store_does_not_have_is_made_again(world, monkeypatch):
    """A store that answers may lack a file; that is no failure."""
    world.without_cache()
    monkeypatch.setenv("DVC_REMOTE_URL", str(world.path.parent / "empty"))
    assert REPORT == baseline.report(world.main, CHECKS, world.path)


def test_a_report_that_cannot_be_had_excuses_nothing(world, capsys):
    """Neither found nor made: None, and the log says so."""
    world.without_cache()
    (world.given / "deepchecks.json").unlink()
    assert None is baseline.report(world.main, CHECKS, world.path)
    assert "cannot be made here, so it excuses nothing" in capsys.readouterr().out


def test_a_report_that_main_never_made_is_none(world):
    """An output that its lock does not name."""
    assert None is baseline.report(world.main, "reports/other.json", world.path)


def reads(world, fingerprint: str, contract: str) -> str:
    """Main's tree reads the table as this fingerprint says, under this contract; its commit."""
    lock = yaml.safe_load((world.path / "dvc.lock").read_text())
    lock["stages"]["ingest"] = {"cmd": "mlops ingest", "params": {"reports/fingerprint.json": {"ingest": fingerprint}}}
    write_text(world.path / "dvc.lock", yaml.safe_dump(lock))
    ask(world, contract)
    return world.commit()


@pytest.mark.parametrize(("now", "expected"), [("a", ""), ("b", "the code that reads the table changed, so main's")])
def test_other_code_that_reads_the_table_is_noticed(world, now, expected):
    """By the fingerprint of the stage `ingest`, main's in its lock and this tree's beside it."""
    commit = reads(world, "a", ASKED)
    write_json(world.path / "reports/fingerprint.json", {"ingest": now})
    assert expected == baseline.otherwise(commit, world.path)[: len(expected) or None]


@pytest.mark.parametrize(
    ("key", "expected"),
    [
        ("id: loan", ""),
        ("group: loan", ""),
        ("id: number\ngroup: loan", ""),
        ("id: number", "the split is by 'number' instead of 'loan', so nobody knows which rows main's"),
        ("id: loan\ngroup: person", "the split is by 'person' instead of 'loan', so nobody knows which rows main's"),
    ],
)
def test_rows_that_go_by_another_column_are_noticed(world, key, expected):
    """Hashes of groups are none of ids: main's training keys would not be found among them."""
    commit = reads(world, "a", ASKED)
    write_json(world.path / "reports/fingerprint.json", {"ingest": "a"})
    ask(world, ASKED.replace("id: loan", key))
    assert expected == baseline.otherwise(commit, world.path)[: len(expected) or None]


def ask(world, text: str | None) -> None:
    """Let data/contract.yaml be this, or nothing."""
    path = world.path / "data/contract.yaml"
    path.unlink(missing_ok=True) if text is None else write_text(path, text)


@pytest.mark.parametrize(
    ("main", "here"),
    [
        (ASKED, ASKED),
        (ASKED, ASKED.replace("id: loan", "group: person")),
        (ASKED, ASKED.replace("amount: {type: number}", "amount: {type: number, min: 0}, age: {type: integer}")),
        (ASKED, f"table: table\n{ASKED}"),
        (SEVERAL, SEVERAL),
        (ASKED, ASKED.replace("a, b, c", "a, b, c, d")),
    ],
    ids=[
        "the same",
        "another key",
        "other columns",
        "the name that it has",
        "the same classes",
        "classes of no target",
    ],
)
def test_the_same_question_has_the_same_answer(world, main, here):
    """Whatever else the contract says of the table, main's model can be compared with."""
    ask(world, main)
    commit = world.commit()
    ask(world, here)
    assert "" == baseline.other_question(commit, world.path)


@pytest.mark.parametrize(("main", "name"), [(f"table: flats\n{ASKED}", "flats"), (ASKED, "table")])
def test_mains_table_is_known_by_its_name(world, main, name):
    """What a contract calls it, or leaves unnamed, whatever the working tree's says."""
    ask(world, main)
    commit = world.commit()
    ask(world, f"table: other\n{ASKED}")
    assert name == baseline.table(commit, world.path)


@pytest.mark.parametrize(
    ("here", "said"),
    [
        (f"table: flats\n{ASKED}", "table table -> flats"),
        (ASKED.replace("target: late", "target: lost"), "target late -> lost"),
        (ASKED.replace("positive: 1", "positive: 0"), "positive 1 -> 0"),
        (
            ASKED.replace("binary", "regression").replace("target: late\npositive: 1", "target: amount"),
            "task binary -> regression; target late -> amount; positive 1 -> None",
        ),
    ],
    ids=["another table", "another target", "another value", "another task"],
)
def test_another_question_has_nothing_to_compare_with(world, here, said):
    """The sentence says what main's contract asks, and what this one asks."""
    ask(world, ASKED)
    commit = world.commit()
    ask(world, here)
    expected = f"main's model answers another question ({said}), so there is nothing to compare with"
    assert expected == baseline.other_question(commit, world.path)


@pytest.mark.parametrize("classes", ["a, b, c, d", "a, c, b"])
def test_other_classes_are_another_question(world, classes):
    """Also in another order: the columns of the two scores would not be of the same class."""
    ask(world, SEVERAL)
    commit = world.commit()
    ask(world, SEVERAL.replace("a, b, c", classes))
    assert "another question (classes ['a', 'b', 'c'] -> " in baseline.other_question(commit, world.path)


@pytest.mark.parametrize("text", [None, "", "a: [", "[1]", "task: binary", SEVERAL.replace("columns", "column")])
def test_a_question_of_main_that_cannot_be_read_is_refused(world, text):
    """A baseline that should be there is not waved through."""
    ask(world, text)
    commit = world.commit()
    ask(world, ASKED)
    with pytest.raises(CannotRun, match=r"^data/contract.yaml of main \(.{8}\) cannot be read: mend it there first$"):
        baseline.other_question(commit, world.path)


def test_mains_recipe_is_trained_on_the_candidates_rows(world):
    """Main's own code, on this tree's prepared rows; columns that are gone are no inputs."""
    write_table(world.path / "data/prepared/train.parquet", pd.DataFrame({"key": ["c"]}))
    main = baseline.Baseline(world.main, "rescored", model(), {"a"})
    found = baseline.retrain(main, ["amount"], "why", world.path)
    assert ("trained", world.hash, {"c"}, "why") == (found.how, found.model.hash, found.keys, found.note)
    assert 1 == len(world.git("worktree", "list").splitlines())


def test_a_recipe_that_fails_is_one_sentence(world):
    """With the last words of main's own code, and nothing left behind."""
    main = baseline.Baseline(world.main, "rescored", model(), {"a"})
    with pytest.raises(
        CannotRun, match=r"^main's recipe \(.{8}\) cannot be trained on this split: mlops train: the table"
    ):
        baseline.retrain(main, ["amount", "gone"], "why", world.path)
    assert 1 == len(world.git("worktree", "list").splitlines())
