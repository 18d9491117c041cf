"""A newer template, merged into a copy: the owner's room stays, the template's comes, with a shared history and without one."""

import argparse
import re
import shutil
from pathlib import Path

import pytest
import yaml

from copies import Copy, _run, copy
from mlops import upgrade
from mlops.errors import CannotRun

FIRST = {
    "params.yaml": "# knobs\ntrain: {seed: 0}\n",
    "dvc.yaml": "stages: {}\n",
    "dvc.lock": "schema: '2.0'\n",
    "metrics.json": "{}\n",
    "data/contract.yaml": "table: loans\n",
    "src/model/sample.py": "ROWS = 1\n",
    "src/model/source.py": "from model.sample import ROWS\n",
    "tests/model/test_directional.py": "def test_it(): pass\n",
    "src/mlops/cli.py": "VERBS = {}\n\n\n# the end\n",
    "README.md": "# Template\n",
    "Makefile": "pr:\n\ttrue\n",
}
NEWER = {
    "params.yaml": "# knobs\ntrain: {seed: 0, patience: 3}\n",
    "dvc.lock": "schema: '2.0'\nstages: {}\n",
    "src/model/sample.py": "ROWS = 2\n",
    "src/model/other.py": "NEW = 1\n",
    "src/mlops/cli.py": "VERBS = {'new': 1}\n\n\n# the end\n",
    "src/mlops/new.py": "NEW = 1\n",
    "README.md": "# Template, newer\n",
}
ADOPTED = {
    "params.yaml": "# knobs\ntrain: {seed: 7}\n",
    "dvc.lock": "schema: '2.0'\nstages: {mine: 1}\n",
    "data/contract.yaml": "table: mine\n",
    "data/table.parquet": "PAR1",
    "src/model/source.py": "MINE = 1\n",
}


def write(tree: Path, files: dict[str, str], message: str, without: tuple[str, ...] = ()) -> None:
    """Write the files and commit them; `without` are deleted."""
    for name, text in files.items():
        (tree / name).parent.mkdir(parents=True, exist_ok=True)
        (tree / name).write_text(text)
    for name in without:
        (tree / name).unlink()
    _run(["git", "add", "-A"], tree)
    _run(["git", "commit", "-q", "-m", message], tree)


def repository(folder: Path) -> Path:
    """An empty repository at `folder`."""
    folder.mkdir()
    for words in (
        ["init", "-q", "-b", "main"],
        ["config", "user.name", "A"],
        ["config", "user.email", "a@example.com"],
    ):
        _run(["git", *words], folder)
    return folder


@pytest.fixture
def upstream(tmp_path):
    """The template: a commit before, the one that copies are made from, and a newer one on top."""
    tree = repository(tmp_path / "upstream")
    write(tree, {"README.md": "# Begun\n"}, "begun")
    write(tree, FIRST, "first")
    return tree


@pytest.fixture(params=["a fork", "a copy without history"])
def mine(request, upstream, tmp_path, monkeypatch):
    """A copy of the template that adopted its own table, as working directory."""
    tree = tmp_path / "mine"
    if request.param == "a fork":
        _run(["git", "clone", "-q", str(upstream), str(tree)], tmp_path)
        _run(["git", "config", "user.name", "A"], tree)
        _run(["git", "config", "user.email", "a@example.com"], tree)
    else:
        write(repository(tree), FIRST, "Initial commit")
    write(tree, ADOPTED, "adopt mine", without=("src/model/sample.py", "tests/model/test_directional.py"))
    _run(["git", "remote", "add", "upstream", str(upstream)], tree)
    monkeypatch.chdir(tree)
    return Copy(tree, "")


def run(*words: str) -> int:
    """The verb, as the command line calls it."""
    parser = argparse.ArgumentParser()
    upgrade.add_arguments(parser)
    return upgrade.run(parser.parse_args(words))


def files(tree: Path) -> dict[str, str]:
    """Every file in git, with its text."""
    names = _run(["git", "ls-files"], tree).stdout.split()
    return {name: (tree / name).read_text() for name in names}


def test_both_rooms_are_merged_without_a_conflict(mine, upstream):
    """Upstream changed the template and the sample, the owner their room: each side's own is there afterwards."""
    write(upstream, NEWER, "newer")
    before = files(mine.path)
    assert 0 == run()
    templates = {name: NEWER[name] for name in ("src/mlops/cli.py", "src/mlops/new.py", "README.md")}
    assert before | templates == files(mine.path)
    assert "" == mine.git("status", "--porcelain")


def test_the_next_upgrade_needs_no_graft(mine, upstream):
    """The first merge joins the histories, whatever they were; a second one finds its base by itself."""
    write(upstream, NEWER, "newer")
    run()
    write(upstream, {"src/mlops/new.py": "NEW = 2\n"}, "newest")
    assert 0 == run()
    assert "NEW = 2\n" == (mine.path / "src/mlops/new.py").read_text()
    assert "" == mine.git("replace", "--list")


def test_an_upgrade_to_what_is_there_does_nothing(mine, upstream, capsys):
    """Running it twice is running it once."""
    write(upstream, NEWER, "newer")
    run()
    head = mine.git("rev-parse", "HEAD")
    assert (0, head) == (run(), mine.git("rev-parse", "HEAD"))
    assert "has all of" in capsys.readouterr().out


def test_an_edit_of_the_owner_in_the_templates_room_is_kept(mine, upstream):
    """Where only the owner changed a file of the template, or another part of it, git merges it as ever."""
    write(mine.path, {"Makefile": "pr:\n\techo mine\n"}, "my own verb")
    write(upstream, NEWER, "newer")
    assert 0 == run()
    assert "pr:\n\techo mine\n" == (mine.path / "Makefile").read_text()


def test_a_readme_of_the_owner_stays_and_upstreams_is_named(mine, upstream, capsys):
    """README is yours once you changed it."""
    write(mine.path, {"README.md": "# Mine\n"}, "my readme")
    write(upstream, NEWER, "newer")
    assert 0 == run()
    assert "# Mine\n" == (mine.path / "README.md").read_text()
    assert "kept your README.md" in capsys.readouterr().out


def test_what_an_environment_serves_is_not_upstreams(mine, upstream, capsys):
    """An overlay that a promotion has changed stays; upstream's is named, and comes where nobody has changed it."""
    both = {f"manifests/overlays/{name}/kustomization.yaml": "namespace: a\n" for name in ("prod", "dev")}
    prod, dev = both
    write(upstream, both, "overlays")
    assert 0 == run()
    write(mine.path, {prod: "namespace: mine\n"}, "a promotion")
    write(upstream, dict.fromkeys(both, "namespace: theirs\n"), "newer overlays")
    assert 0 == run()
    assert ["namespace: mine\n", "namespace: theirs\n"] == [(mine.path / name).read_text() for name in (prod, dev)]
    assert f"kept your {prod}; upstream's is `git show FETCH_HEAD:{prod}`" in capsys.readouterr().out


def test_a_new_key_of_params_is_said(mine, upstream, capsys):
    """params.yaml stays as it is, and what upstream added to it is named."""
    write(upstream, NEWER, "newer")
    run()
    assert "new in params.yaml, with defaults until you name them: train.patience" in capsys.readouterr().out


def test_a_file_that_both_changed_is_left_to_a_person(mine, upstream, capsys):
    """A conflict in the template's room is git's own, with the way on and the way back."""
    write(mine.path, {"src/mlops/cli.py": "VERBS = {'mine': 1}\n\n\n# the end\n"}, "my verb")
    write(upstream, NEWER, "newer")
    assert 1 == run()
    said = capsys.readouterr().out
    assert "both sides changed src/mlops/cli.py" in said
    mine.git("merge", "--abort")
    assert "" == mine.git("status", "--porcelain")


def test_a_room_with_letters_of_every_language_is_kept(mine, upstream):
    """git prints such names in quotes unless it is told not to."""
    own = {"tests/model/test_größe.py": "def test_it(): pass\n", "data/a b.csv": "1\n", "src/model/[a].py": "A = 1\n"}
    write(mine.path, own, "my tests")
    write(upstream, NEWER | {"tests/model/test_größe.py": "THEIRS = 1\n"}, "newer")
    assert 0 == run()
    assert own == {name: (mine.path / name).read_text() for name in own}
    assert "" == mine.git("status", "--porcelain")


def test_what_stops_a_merge_on_the_way_leaves_the_tree_as_it_was(mine, upstream):
    """A commit that cannot be signed, say: nothing is staged, nothing is merging, and the graft is gone."""
    write(upstream, NEWER, "newer")
    before, head = files(mine.path), mine.git("rev-parse", "HEAD")
    mine.git("config", "commit.gpgsign", "true")
    mine.git("config", "gpg.program", "false")
    with pytest.raises(CannotRun, match="`git commit .*` failed"):
        run()
    assert (before, head, "") == (files(mine.path), mine.git("rev-parse", "HEAD"), mine.git("status", "--porcelain"))
    assert not (mine.path / ".git/MERGE_HEAD").exists()
    assert "" == mine.git("replace", "--list")


def test_an_error_of_any_kind_leaves_the_tree_as_it_was(mine, upstream):
    """Upstream's params.yaml is no YAML: read while the room is kept, after the merge began."""
    write(upstream, NEWER | {"params.yaml": "train: [\n"}, "broken")
    before = files(mine.path)
    with pytest.raises(yaml.YAMLError):
        run()
    assert (before, "") == (files(mine.path), mine.git("status", "--porcelain"))


def told(capsys) -> list[str]:
    """The files of the owner's room of which the verb said that upstream changed them, with how, and their commands."""
    found = re.findall(
        r"^upgrade: upstream (.*), and your room is as it was: `(.*)`$", capsys.readouterr().out, flags=re.M
    )
    return dict(found)


def test_what_upstream_changed_in_the_owners_room_is_said(mine, upstream, capsys):
    """What it added or changed, a line a file, with the command that shows it; the owner takes what is of use."""
    changed = {"dvc.yaml": "stages: {ingest: {cmd: x}}\n", "src/model/a file.py": "NEW = 2\n"}
    write(upstream, NEWER | changed, "newer")
    base, theirs = (_run(["git", "rev-parse", name], upstream).stdout[:12] for name in ("HEAD~1", "HEAD"))
    assert 0 == run()
    said = told(capsys)
    whats = ["added src/model/a file.py", "added src/model/other.py", "changed dvc.yaml", "changed params.yaml"]
    assert whats == sorted(said)
    assert f"git diff {base} {theirs} -- 'src/model/a file.py'" == said["added src/model/a file.py"]
    assert "+NEW = 2" in _run(["bash", "-c", said["added src/model/a file.py"]], mine.path).stdout


def test_what_the_owner_has_already_or_no_longer_has_is_not_said(mine, upstream, capsys):
    """The sample that adopt deleted, what the pipeline writes, and what the owner took before."""
    write(mine.path, {"src/model/other.py": NEWER["src/model/other.py"]}, "taken")
    write(upstream, {name: NEWER[name] for name in ("dvc.lock", "src/model/sample.py", "src/model/other.py")}, "newer")
    assert 0 == run()
    assert {} == told(capsys)


PROJECT = '[project]\nname = "toy"\nversion = "1"\nrequires-python = ">=3.11"\n[tool.uv]\n'
with_uv = pytest.mark.skipif(not shutil.which("uv"), reason="uv is not there")


def both_lock(mine: Copy, upstream: Path, project: str = PROJECT, **files: str) -> None:
    """Both sides get a uv.lock of their own beside the same pyproject.toml; `files` are the owner's too."""
    for tree, side in ((mine.path, "mine"), (upstream, "theirs")):
        lock = f'version = 1\nrevision = 3\nrequires-python = ">=3.{12 if side == "mine" else 13}"\n'
        write(tree, {"pyproject.toml": project, "uv.lock": lock} | (files if tree == mine.path else {}), side)


@with_uv
def test_a_conflict_in_the_lock_alone_is_mended(mine, upstream, capsys):
    """What both locks say follows from pyproject.toml, which merged: uv makes the lock again."""
    both_lock(mine, upstream)
    assert 0 == run()
    assert "both sides changed uv.lock: made again by `uv lock`" in capsys.readouterr().out
    assert 'requires-python = ">=3.11"\n' in (mine.path / "uv.lock").read_text()
    assert "" == mine.git("status", "--porcelain")


@with_uv
def test_a_lock_that_cannot_be_made_stops_the_merge(mine, upstream):
    """The tree is as it was, and one sentence has uv's reason."""
    needs = PROJECT.replace("[tool.uv]", 'dependencies = ["gone @ file:///no/such/folder"]\n[tool.uv]')
    both_lock(mine, upstream, needs)
    before = files(mine.path)
    with pytest.raises(
        CannotRun, match="both sides changed uv.lock, and `uv lock` cannot make one of .*no/such/folder"
    ):
        run()
    assert (before, "") == (files(mine.path), mine.git("status", "--porcelain"))


@with_uv
def test_a_lock_among_other_conflicts_is_left_to_a_person(mine, upstream, capsys):
    """With the commands that make it, once pyproject.toml is mended."""
    both_lock(mine, upstream, Makefile="pr:\n\techo mine\n")
    write(upstream, {"Makefile": "pr:\n\techo theirs\n"}, "their verb")
    assert 1 == run()
    assert "both sides changed Makefile, uv.lock: mend them (uv.lock last: " in capsys.readouterr().out


def test_changes_in_no_commit_stop_it(mine, upstream):
    """A merge on top of them could not be undone."""
    (mine.path / "params.yaml").write_text("train: {seed: 8}\n")
    with pytest.raises(CannotRun, match="changes that are in no commit"):
        run()


def test_without_an_upstream_it_says_how_to_name_one(mine):
    """The address of the template is nothing that a copy knows by itself."""
    mine.git("remote", "remove", "upstream")
    with pytest.raises(CannotRun, match="git remote add upstream URL"):
        run()


def test_a_copy_of_no_commit_of_the_template_is_refused(upstream, tmp_path, monkeypatch):
    """Its first commit is a tree that the template never had: a person names the one it was made from, and it is used."""
    tree = repository(tmp_path / "other")
    write(tree, FIRST | {"Makefile": "edited before the first commit:\n"}, "Initial commit")
    base = _run(["git", "rev-parse", "HEAD"], upstream).stdout.strip()
    write(upstream, NEWER, "newer")
    monkeypatch.chdir(tree)
    with pytest.raises(CannotRun, match="FROM=<commit>"):
        run("--url", str(upstream))
    assert 0 == run("--url", str(upstream), "--from", base)
    assert "NEW = 1\n" == (tree / "src/mlops/new.py").read_text()
    assert "edited before the first commit:\n" == (tree / "Makefile").read_text()


OWN_ROOM = {
    "data/contract.yaml": "table: houses\n",
    "data/table.parquet": "PAR1",
    "metrics.json": "{}\n",
    "dvc.lock": "schema: '2.0'\nstages: {}\n",
    "src/model/source.py": '"""The owner\'s table."""\n\nimport pandas as pd\n\n\ndef read():\n    """Return it."""\n    return pd.read_parquet("data/table.parquet")\n',
    "tests/model/test_größe.py": '"""The owner\'s."""\n',
    "README.md": "# Houses\n",
}


@pytest.fixture(params=["a fork", "a copy without history"])
def real(request, tmp_path, monkeypatch) -> tuple[Path, Copy]:
    """This repository as upstream, and a copy of it whose owner put their own into the room, as `adopt` does."""
    upstream, tree = copy(tmp_path / "upstream").path, tmp_path / "mine"
    if request.param == "a fork":
        _run(["git", "clone", "-q", str(upstream), str(tree)], tmp_path)
    else:
        repository(tree)
        _run(["bash", "-c", f"git -C '{upstream}' archive HEAD | tar -x"], tree)
        _run(["git", "add", "-A", "-f"], tree)
        _run(["git", "commit", "-q", "-m", "Initial commit"], tree)
    for key, value in {"user.name": "A", "user.email": "a@example.com"}.items():
        _run(["git", "config", key, value], tree)
    sample = _run(["git", "ls-files", "tests/model", "src/model/sample.py"], tree).stdout.split()
    pipeline = (
        (tree / "dvc.yaml")
        .read_text()
        .replace("cmd: mlops ingest", "cmd: mlops ingest\n    deps: [data/table.parquet]")
    )
    knobs = (tree / "params.yaml").read_text().replace("seed:", "seed:  # mine\n     ")
    write(tree, OWN_ROOM | {"dvc.yaml": pipeline, "params.yaml": knobs}, "Adopt houses", without=tuple(sample))
    _run(["git", "remote", "add", "upstream", str(upstream)], tree)
    monkeypatch.chdir(tree)
    return upstream, Copy(tree, "")


def require(tree: Path, name: str, after: str) -> None:
    """Add a dependency after another one, and make the lock, as a person does."""
    text = (tree / "pyproject.toml").read_text()
    assert 1 == text.count(after)
    (tree / "pyproject.toml").write_text(text.replace(after, f'{after}\n    "{name}",'))
    _run(["uv", "lock", "--quiet"], tree)


@with_uv
@pytest.mark.slow
def test_a_newer_template_of_this_repository_is_merged(real, capsys):
    """Each file is the side's whose room it is in; the lock of the environment is upstream's, the owner's README theirs."""
    upstream, mine = real
    newer = {
        "src/mlops/errors.py": (upstream / "src/mlops/errors.py").read_text() + "\n\nNEW = 1\n",
        "src/mlops/new.py": '"""New."""\n',
        "src/model/calibrate.py": '"""New."""\n',
        "dvc.yaml": (upstream / "dvc.yaml").read_text() + "# new\n",
        "src/model/source.py": "# new\n" + (upstream / "src/model/source.py").read_text(),
        "README.md": "# The template, newer\n",
    }
    require(upstream, "packaging>=20", '    "onnx>=1.19",')
    write(upstream, newer, "newer")
    before = _run(["git", "ls-tree", "-r", "HEAD"], mine.path).stdout.splitlines()
    assert 0 == run()
    theirs = _run(["git", "ls-tree", "-r", "HEAD"], upstream).stdout.splitlines()
    names = ("src/mlops/errors.py", "src/mlops/new.py", "pyproject.toml", "uv.lock")
    expected = [line for line in before if not line.endswith(names)] + [line for line in theirs if line.endswith(names)]
    assert sorted(expected) == sorted(mine.git("ls-tree", "-r", "HEAD").splitlines())
    assert "" == mine.git("status", "--porcelain")
    assert ["added src/model/calibrate.py", "changed dvc.yaml", "changed src/model/source.py"] == sorted(told(capsys))


@with_uv
@pytest.mark.slow
def test_dependencies_of_both_sides_of_this_repository_are_locked(real, capsys):
    """The lock has the owner's and upstream's, and is the one of the merged pyproject.toml."""
    upstream, mine = real
    require(mine.path, "opentelemetry-api>=1", '    "dvc>=3.60",')
    write(mine.path, {}, "my dependency")
    require(upstream, "packaging>=20", '    "onnx>=1.19",')
    write(upstream, {}, "their dependency")
    assert 0 == run()
    assert "both sides changed uv.lock: made again" in capsys.readouterr().out
    text = (mine.path / "pyproject.toml").read_text()
    assert [True, True] == ['"opentelemetry-api>=1"' in text, '"packaging>=20"' in text]
    _run(["uv", "lock", "--check"], mine.path)
    assert "" == mine.git("status", "--porcelain")
