"""The website of main's reports: made where params.yaml asks for it, of the named files alone."""

import json
from pathlib import Path

import pytest
import yaml

from copies import ROOT, unreleased
from mlops import github, paths
from mlops.drift.kept import THERE
from mlops.errors import CannotRun
from mlops.publish import PAGES, collect, run
from remote import git

CANARY = "canary-7f3a"


@pytest.fixture
def tree(tmp_path, monkeypatch):
    """A folder with params.yaml, every report, and tables that must not leave it."""
    values = yaml.safe_load(Path(paths.PARAMS).read_text(encoding="utf-8"))
    monkeypatch.chdir(tmp_path)
    for name in ("GITHUB_TOKEN", "GH_TOKEN", "GITHUB_REPOSITORY"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("GITHUB_OUTPUT", str(tmp_path / "outputs"))
    for _, source in PAGES.values():
        write(source, f"# content of {source}\n")
    for table in (
        paths.PREDICTIONS,
        paths.RAW,
        paths.PART.format("test"),
        paths.BEHAVIOUR,
        "reports/data_docs/rows.csv",
    ):
        write(table, CANARY)
    write(paths.VERDICT, json.dumps({"verdict": "fail", "message": "1 of 9 gates failed: <Floor>"}))

    def ask(publish: bool):
        values["reports"]["publish"] = publish
        write(paths.PARAMS, yaml.safe_dump(values))

    return ask


def write(path, text):
    Path(path).parent.mkdir(parents=True, exist_ok=True)
    Path(path).write_text(text, encoding="utf-8")


def test_publishes_nothing_by_default(tree, capsys):
    """reports.publish: false makes no folder, and is said once, as neutral."""
    tree(publish=False)
    assert None is run(None)
    assert "Pages: not configured (reports.publish is false in params.yaml).\n" == capsys.readouterr().out
    assert "publish=false\n" == Path("outputs").read_text(encoding="utf-8")
    assert not Path("public").exists()


def test_collects_every_report_where_asked(tree):
    """reports.publish: true makes a page a report, and an index."""
    tree(publish=True)
    assert None is run(None)
    assert sorted([*PAGES, "index.html"]) == sorted(path.name for path in Path("public").iterdir())
    assert "publish=true\n" == Path("outputs").read_text(encoding="utf-8")


def test_says_the_verdict_as_text(tree):
    """The index opens with main's verdict; what looks like HTML in it stays text."""
    collect(Path("public"))
    assert "<p>fail: 1 of 9 gates failed: &lt;Floor&gt;</p>" in Path("public/index.html").read_text(encoding="utf-8")


def test_draws_what_was_kept_of_every_champion(tree, tmp_path):
    """As the last fetch has brought the branch reports/drift, oldest and newest on one page."""
    Path(paths.DRIFT_HISTORY).unlink()
    git(tmp_path, "init", "-q")
    for model, month in (("a" * 64, "2025-01"), ("b" * 64, "2025-07")):
        write(f"{model[:12]}.json", json.dumps(kept(model, month)))
    write("broken.json", "{")
    git(tmp_path, "add", f"{'a' * 12}.json", f"{'b' * 12}.json", "broken.json")
    git(tmp_path, "update-ref", THERE, git(tmp_path, "commit-tree", git(tmp_path, "write-tree"), "-m", "kept"))
    tree(publish=True)
    run(None)
    page = Path("public/drift.html").read_text(encoding="utf-8")
    for title in ("Champion aaaaaaaaaaaa, trained on 2024-01 to 2024-12", "Champion bbbbbbbbbbbb, trained on"):
        assert title in page
    assert '<li><a href="drift.html">Drift, champion after champion</a></li>' in Path("public/index.html").read_text()


def test_without_anything_kept_there_is_no_such_page(tree, tmp_path):
    """A fresh copy, where drift is not configured: the index says so."""
    Path(paths.DRIFT_HISTORY).unlink()
    git(tmp_path, "init", "-q")
    tree(publish=True)
    run(None)
    assert not Path("public/drift.html").exists()
    assert "<li>Drift, champion after champion: was not made</li>" in Path("public/index.html").read_text()


def kept(model: str, month: str) -> dict:
    """What drift has found of a champion in a month."""
    start = f"{month}-01T00:00:00"
    window = {"name": month, "start": start, "end": start, "closed": True, "settled": True}
    one = {"window": window, "rows": 2000, "labelled": 1500, "found": [], "said": []}
    return {"reference": {"model_hash": model, "start": "2024-01", "end": "2024-12"}, "windows": [one]}


def test_takes_no_table_along(tree):
    """No row of a table, nor a stage's JSON, is in the website."""
    collect(Path("public"))
    assert not [path for path in Path("public").rglob("*") if CANARY in path.read_text(encoding="utf-8")]


def test_leaves_nothing_of_an_earlier_run(tree):
    """A page that is no longer made is no longer published, and the index says so."""
    write("public/deepchecks.html", "of yesterday")
    Path(paths.DEEPCHECKS_PAGE).unlink()
    expected = ["Verdict", "Data Docs", "Model card", "Drift, champion after champion", "What runs where"]
    assert expected == collect(Path("public"))
    assert not Path("public/deepchecks.html").exists()
    assert "<li>deepchecks: was not made</li>" in Path("public/index.html").read_text(encoding="utf-8")


def test_refuses_where_there_is_no_report(tree):
    """An empty website is not published: the sentence names the verbs that make the reports."""
    for _, source in PAGES.values():
        Path(source).unlink()
    with pytest.raises(CannotRun, match="run `make train` and `make compare` first"):
        collect(Path("public"))


def test_the_links_of_the_report_lead_to_the_published_pages(tree):
    """Beside the report lie data_docs/index.html and model_card.md; on the site they have names of their own."""
    tree(publish=True)
    write(
        paths.REPORT_PAGE,
        '<a href="data_docs/index.html">a</a><a href="model_card.md">b</a><a href="deepchecks.html">c</a>',
    )
    run(None)
    expected = '<a href="data_docs.html">a</a><a href="model_card.html">b</a><a href="deepchecks.html">c</a>'
    assert expected == Path("public/report.html").read_text(encoding="utf-8")


def released(folder: Path) -> None:
    """Commit the overlays of a fresh copy."""
    for name, text in unreleased(ROOT).items():
        write(name, text)
    git(folder, "init", "-q")
    git(folder, "add", "manifests", paths.PARAMS)
    git(folder, "commit", "-q", "-m", "main")


def test_what_runs_where_is_drawn_whenever_it_is_published(tree, tmp_path, monkeypatch):
    """Without a token GitHub is not asked, and the rest is told."""
    tree(publish=True)
    released(tmp_path)
    monkeypatch.setenv("PATH", "/usr/bin:/bin")
    run(None)
    page = Path("public/status.html").read_text(encoding="utf-8")
    assert "<td>prod</td>\n<td>stable</td>\n<td>unreleased</td>" in page
    assert "<li>not asked: GITHUB_TOKEN is not set</li>" in page
    assert '<li><a href="status.html">What runs where</a></li>' in Path("public/index.html").read_text(encoding="utf-8")


def test_without_a_network_the_page_says_so_and_all_is_published(tree, tmp_path, monkeypatch):
    """GitHub gives no answer; no report is missing for it."""
    tree(publish=True)
    released(tmp_path)
    monkeypatch.setattr(github, "ATTEMPTS", 1)
    given = {"GITHUB_TOKEN": "ghs_read", "GITHUB_REPOSITORY": "acme/loans", "GITHUB_API_URL": "http://127.0.0.1:1"}
    for name, value in given.items():
        monkeypatch.setenv(name, value)
    run(None)
    page = Path("public/status.html").read_text(encoding="utf-8")
    assert "<td>prod</td>\n<td>stable</td>\n<td>unreleased</td>" in page
    assert "<li>No answer to GET pulls" in page
    assert sorted([*PAGES, "index.html"]) == sorted(path.name for path in Path("public").iterdir())


def test_outside_of_a_repository_the_page_says_so(tree):
    """There is no main to look at, and the reports are published all the same."""
    tree(publish=True)
    run(None)
    assert "Cannot be read: <code>git rev-parse HEAD</code> failed" in Path("public/status.html").read_text(
        encoding="utf-8"
    )


def test_what_runs_where_alone_is_no_report(tree):
    """It is always there; a tree whose pipeline made nothing is not published for it."""
    tree(publish=True)
    for _, source in PAGES.values():
        Path(source).unlink()
    with pytest.raises(CannotRun, match="run `make train` and `make compare` first"):
        run(None)
    assert not Path("public").exists()
