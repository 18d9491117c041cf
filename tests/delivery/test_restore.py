"""What the lock names is found by its hash, whoever has it; who has other bytes under it is not believed, and that is no error."""

import hashlib
import io
import json
import shutil
import subprocess
import zipfile
from pathlib import Path

import pytest

from copies import SAMPLE
from github_stub import Fault, GitHubStub
from mlops import dvc
from mlops.delivery import restore, verify
from mlops.errors import CannotRun
from mlops.files import write_text
from remote import git
from tickets import artifacts

FILES = {"models/model.onnx": "a model", "data/prepared/test.parquet": "rows", "data/prepared/train.parquet": "more"}
PIPELINE = "stages: {train: {cmd: python make.py, deps: [make.py], outs: [models/model.onnx, data/prepared]}}\n"
OUTS = ("models/model.onnx", "data/prepared")
FILE = hashlib.md5(b"a model", usedforsecurity=False).hexdigest()


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """A pipeline of two outputs, a file and a folder, run by DVC itself and committed."""
    folder = tmp_path_factory.mktemp("made")
    make = "import pathlib\npathlib.Path('ran').touch()\n" + "".join(
        f"p = pathlib.Path({name!r}); p.parent.mkdir(parents=True, exist_ok=True); p.write_text({text!r})\n"
        for name, text in FILES.items()
    )
    for name, text in {"dvc.yaml": PIPELINE, "make.py": make, ".gitignore": "models/\nreports/\nran\n"}.items():
        write_text(folder / name, text)
    write_text(folder / "data/contract.yaml", (SAMPLE / "data/contract.yaml").read_text(encoding="utf-8"))
    git(folder, "init", "-q")
    for words in (["init", "-q"], ["repro", "-q"]):
        subprocess.run(["dvc", *words], cwd=folder, check=True, env=dvc.environment(folder))
    git(folder, "add", "-A")
    git(folder, "commit", "-q", "-m", "main")
    return folder


@pytest.fixture
def tree(made, tmp_path, monkeypatch):
    """A fresh clone of it as working directory: neither outputs nor a cache."""
    shutil.copytree(made, tmp_path / "tree", symlinks=True)
    monkeypatch.chdir(tmp_path / "tree")
    for name in ("DVC_REMOTE_URL", "GITHUB_TOKEN", "GITHUB_OUTPUT", "GITHUB_STEP_SUMMARY"):
        monkeypatch.delenv(name, raising=False)
    for name in ("models", "data/prepared", ".dvc/cache"):
        shutil.rmtree(name)
    return tmp_path / "tree"


@pytest.fixture
def store(made, tmp_path, monkeypatch):
    """A store in a folder, which has every output, and which DVC_REMOTE_URL names."""
    shutil.copytree(made / ".dvc/cache", tmp_path / "store")
    monkeypatch.setenv("DVC_REMOTE_URL", str(tmp_path / "store"))
    return tmp_path / "store/files/md5"


@pytest.fixture
def hub(tree, monkeypatch):
    """The API, as the step of release.yml asks it."""
    with GitHubStub() as running:
        artifacts(running, "ghs_job")
        for name, value in {
            "GITHUB_REPOSITORY": running.repository, "GITHUB_TOKEN": "ghs_job", "GITHUB_API_URL": running.url,
        }.items():  # fmt: skip
            monkeypatch.setenv(name, value)
        yield running


@pytest.fixture
def entries(made):
    """What the artifact of a pull request's checks holds: .dvc/cache/files, by the names below it."""
    files = made / ".dvc/cache/files"
    return {str(path.relative_to(files)): path.read_bytes() for path in files.rglob("*") if path.is_file()}


def name() -> str:
    """What pull-request.yml calls it."""
    return f"dvc-{restore.hash_files('dvc.lock')}"


def zipped(entries: dict[str, bytes], kind: int = zipfile.ZIP_DEFLATED) -> bytes:
    """An artifact of these files."""
    data = io.BytesIO()
    with zipfile.ZipFile(data, "w", kind) as archive:
        for path, content in entries.items():
            archive.writestr(path, content)
    return data.getvalue()


def place(digest: str) -> str:
    """Where an artifact has what has this hash."""
    return f"md5/{digest[:2]}/{digest[2:]}"


def restored() -> list[str]:
    """The outputs that are here as the lock names them; the verb ends well whatever it finds."""
    assert 0 == restore.run(None)
    return [
        path for path, digest in restore.outputs(dvc.read_lock("dvc.lock")).items() if verify.md5(Path(path)) == digest
    ]


def cached() -> set[str]:
    """The hashes of what the cache has."""
    return {path.parent.name + path.name for path in Path(".dvc/cache/files/md5").rglob("*") if path.is_file()}


def test_what_is_nowhere_is_said_and_is_no_error(tree, capsys):
    """`make train` makes it; nobody is asked, since nobody is named."""
    assert [] == restored()
    said = "restore: 0 of 2 outputs of dvc.lock; nowhere: data/prepared, models/model.onnx: `make train` makes them\n"
    assert said == capsys.readouterr().out


def test_the_fingerprint_is_made_of_the_tree(tree):
    """It is in no cache, and without it the first stage would run."""
    restored()
    assert Path("reports/fingerprint.json").exists()


def test_what_the_cache_has_is_put_where_it_belongs(tree, made, capsys):
    """No run-cache is needed, in the place of other files too; and again it is there."""
    shutil.copytree(made / ".dvc/cache/files", ".dvc/cache/files")
    write_text("models/model.onnx", "another branch's")
    assert [*sorted(OUTS)] == sorted(restored())
    assert FILES == {path: Path(path).read_text() for path in FILES}
    assert "restore: 2 of 2 outputs of dvc.lock\n" == capsys.readouterr().out
    shutil.rmtree(".dvc/cache")
    assert 2 == len(restored())  # nothing is lacking, so nothing is looked for


def test_what_is_here_already_is_left_alone(tree, capsys):
    """Its bytes are the reviewed ones, whoever put them there."""
    write_text("models/model.onnx", "a model")
    before = Path("models/model.onnx").stat().st_ino
    assert ["models/model.onnx"] == restored()
    assert before == Path("models/model.onnx").stat().st_ino
    assert "restore: 1 of 2 outputs of dvc.lock; nowhere: data/prepared:" in capsys.readouterr().out


def test_a_poisoned_cache_is_not_believed(tree, made, capsys):
    """What lies under another's hash is deleted, or DVC would link it into place."""
    shutil.copytree(made / ".dvc/cache/files", ".dvc/cache/files")
    poisoned = Path(".dvc/cache/files", place(FILE))
    poisoned.chmod(0o644)
    poisoned.write_text("another model")
    assert ["data/prepared"] == restored()
    assert not poisoned.exists()
    assert not Path("models/model.onnx").exists()
    assert "nowhere: models/model.onnx" in capsys.readouterr().out


@pytest.mark.parametrize("change", ["poisoned", "gone"])
def test_a_folder_is_restored_whole_or_not_at_all(tree, made, change):
    """One file of it that is not what its list names, and it is made anew."""
    shutil.copytree(made / ".dvc/cache/files", ".dvc/cache/files")
    child = Path(".dvc/cache/files", place(hashlib.md5(b"rows", usedforsecurity=False).hexdigest()))
    child.unlink()
    if change == "poisoned":
        child.write_text("other rows")
    assert ["models/model.onnx"] == restored()
    assert not Path("data/prepared").exists()
    assert not child.exists()


def test_a_store_gives_what_it_has(tree, store, capsys):
    """By DVC itself; the folder's list, and what the list names."""
    assert 2 == len(restored())
    assert "restore: 2 of 2 outputs of dvc.lock (from the store)\n" == capsys.readouterr().out


def test_a_poisoned_store_is_not_believed(tree, store, capsys):
    """DVC takes its bytes at their word; they are deleted again."""
    poisoned = store / place(FILE).removeprefix("md5/")
    poisoned.unlink()
    poisoned.write_text("another model")
    assert ["data/prepared"] == restored()
    assert FILE not in cached()
    assert "restore: 1 of 2 outputs of dvc.lock (from the store); nowhere: models/model.onnx" in capsys.readouterr().out


def test_a_store_that_is_named_and_cannot_be_reached_is_an_error(tree, monkeypatch):
    """What it has must not count as absent."""
    monkeypatch.setenv("DVC_REMOTE_URL", "ftp://127.0.0.1/store")
    with pytest.raises(CannotRun, match="DVC_REMOTE_URL is"):
        restore.run(None)


def test_what_a_pull_requests_checks_left_is_taken(tree, hub, entries, capsys):
    """By the lock's hash, the folder's list first and then what it names."""
    hub.artifact(12, zipped(entries), name())
    assert 2 == len(restored())
    assert "restore: 2 of 2 outputs of dvc.lock (from an artifact)\n" == capsys.readouterr().out
    assert FILES == {path: Path(path).read_text() for path in FILES}


def test_of_an_artifact_only_what_is_asked_for_is_taken(tree, hub, entries):
    """Neither runs, which say what a command would have made, nor any other path."""
    hub.artifact(12, zipped(entries | {"../../../evil": b"x", "runs/ab/cd/ef": b"x", place("e" * 32): b"x"}), name())
    assert 2 == len(restored())
    assert {path.removeprefix("md5/").replace("/", "") for path in entries} == cached()
    assert [] == [*tree.parent.rglob("evil"), *tree.rglob("runs")]


def test_the_store_comes_first_and_an_artifact_gives_the_rest(tree, hub, store, entries, capsys):
    """Each is asked for what is still lacking; the report names both."""
    (store / place(FILE).removeprefix("md5/")).unlink()
    hub.artifact(12, zipped({place(FILE): entries[place(FILE)]}), name())
    assert 2 == len(restored())
    assert "(from the store and an artifact)" in capsys.readouterr().out


def test_where_nothing_is_lacking_no_artifact_is_asked_for(tree, hub, store):
    """The store had it all."""
    assert 2 == len(restored())
    assert [] == hub.calls()


def test_without_a_token_nothing_is_asked(tree, hub, monkeypatch):
    """As in the job that builds the image."""
    monkeypatch.delenv("GITHUB_TOKEN")
    assert [] == restored()
    assert [] == hub.calls()


def test_other_bytes_under_a_hash_are_left_there(tree, hub, entries, capsys):
    """Whoever opens a pull request may leave an artifact of this name: the next older one is used."""
    hub.artifact(12, zipped(entries), name())
    hub.artifact(13, zipped(dict.fromkeys(entries, b"evil")), name())
    assert 2 == len(restored())
    said = capsys.readouterr().out
    assert f"restore: an artifact has other bytes under {FILE}: they are left there\n" in said
    assert b"evil" not in {path.read_bytes() for path in Path(".dvc/cache").rglob("*") if path.is_file()}


def test_a_folders_list_is_not_believed_either(tree, hub, entries):
    """It says which files a folder has, so it has a hash of its own."""
    (listed,) = (path for path in entries if path.endswith(".dir"))
    evil = json.dumps([{"md5": hashlib.md5(b"evil", usedforsecurity=False).hexdigest(), "relpath": "../../evil"}])
    hub.artifact(
        12,
        zipped(
            entries | {listed: evil.encode(), place(hashlib.md5(b"evil", usedforsecurity=False).hexdigest()): b"evil"}
        ),
        name(),
    )
    assert ["models/model.onnx"] == restored()


def test_an_artifact_of_another_lock_is_not_looked_into(tree, hub, entries):
    """It is another name."""
    hub.artifact(12, zipped(entries), "dvc-" + "0" * 64)
    assert [] == restored()
    assert ["GET actions/artifacts"] == hub.calls()


@pytest.mark.parametrize(
    ("damage", "more", "said"),
    [
        (b"no zip", {}, "is damaged"),
        (None, {"expired": True}, ""),
        (None, {"size_in_bytes": restore.LARGEST + 1}, ""),
    ],
    ids=["damaged", "expired", "too large"],
)
def test_an_artifact_that_cannot_be_used_is_passed_over(tree, hub, entries, capsys, damage, more, said):
    """The next older one is used."""
    hub.artifact(12, zipped(entries), name())
    hub.artifact(13, damage or zipped(entries), name(), **more)
    assert 2 == len(restored())
    assert said in capsys.readouterr().out
    assert ("GET actions/artifacts/501/zip" in hub.calls()) == (damage is not None)


def test_an_entry_whose_bytes_were_changed_is_damage(tree, hub, entries, capsys):
    """The archive's own sum says so."""
    data = zipped(entries, zipfile.ZIP_STORED)
    hub.artifact(12, data.replace(b"a model", b"A model"), name())
    assert "models/model.onnx" not in restored()
    assert FILE not in cached()


@pytest.mark.parametrize("kind", [zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def test_an_artifact_packed_otherwise_than_githubs_is_left(tree, hub, entries, kind):
    """Such a one could unpack to more than this machine holds."""
    hub.artifact(12, zipped(entries, kind), name())
    assert [] == restored()


def test_an_entry_that_is_too_large_is_left(tree, hub, entries, monkeypatch):
    """As one of the archive says of itself."""
    data = zipped(entries)
    monkeypatch.setattr(restore, "LARGEST", 6)
    restore.taken(_Holds(data), 1, {"models/model.onnx": FILE}, dvc.cache_folder())
    assert set() == cached()
    monkeypatch.setattr(restore, "LARGEST", 7)
    restore.taken(_Holds(data), 1, {"models/model.onnx": FILE}, dvc.cache_folder())
    assert {FILE} == cached()


class _Holds:
    """An API that has one artifact."""

    def __init__(self, data: bytes):
        self.data = data

    def download(self, path: str, limit: int) -> bytes:
        """Give it, as large as it is."""
        return self.data


def test_no_more_than_three_are_looked_into(tree, hub, entries):
    """The newest: a release is not kept busy by whatever has been left under its name."""
    hub.artifact(12, zipped(entries), name())
    for run in (13, 14, 15):
        hub.artifact(run, zipped({}), name())
    assert [] == restored()
    assert [f"GET actions/artifacts/{each}/zip" for each in (503, 502, 501)] == [
        call for call in hub.calls() if call.endswith("/zip")
    ]


def test_more_artifacts_than_a_page_has_are_no_error(tree, hub, entries):
    """Every run of an unchanged lock leaves one; the first page is enough."""
    for run in range(120):
        hub.artifact(run, zipped(entries), name())
    assert 2 == len(restored())
    assert 1 == hub.calls().count("GET actions/artifacts")


@pytest.mark.parametrize("fault", ["artifacts$", "zip$"])
def test_an_api_that_fails_is_no_error(tree, hub, entries, capsys, fault):
    """What it might have had is made anew, and it is said."""
    hub.artifact(12, zipped(entries), name())
    hub.faults.append(Fault(fault, 500, times=9))
    assert [] == restored()
    said = capsys.readouterr().out
    assert "GitHub answered 500" in said
    assert "nowhere: data/prepared, models/model.onnx" in said


def test_the_lock_is_named_as_a_workflow_file_names_it(tree):
    """GitHub's hashFiles: the sha256 of the sha256 of each file, in its bytes."""
    write_text("a", "abc\n")
    inner = bytes.fromhex("edeaaff3f1774ad2888673770c6d64097e391bc362d7d6fb34982ddf0efd18cb")  # sha256sum of "abc\n"
    assert hashlib.sha256(inner).hexdigest() == restore.hash_files("a")


def test_a_lock_without_outputs_has_none(tree):
    """Nor has one of a stage that only checks; an output without a hash is not looked for."""
    assert {} == restore.outputs({})
    assert {} == restore.outputs({"stages": {"check": {"cmd": "true"}, "other": {"outs": [{"path": "a"}]}}})


@pytest.mark.parametrize(("cached", "ran"), [(True, False), (False, True)])
def test_a_cache_without_runs_is_all_that_the_pipeline_needs(made, tree, cached, ran):
    """What a release saves has none: DVC takes the outputs by the lock and runs no stage, which it does without them."""
    Path("ran").unlink(missing_ok=True)
    if cached:
        shutil.copytree(made / ".dvc/cache/files", ".dvc/cache/files")
    assert 0 == dvc.repro(root=tree)
    assert ran == Path("ran").exists()
    assert FILES == {path: Path(path).read_text() for path in FILES}
