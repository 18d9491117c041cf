"""A newer template, merged into a copy: the owner's room stays, the template's comes, with a shared history and without one."""

import argparse
from pathlib import Path

import pytest

from copies import Copy, _run
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
