"""The website of main's reports: made where params.yaml asks for it, of the named files alone."""

import json
from pathlib import Path

import pytest
import yaml

from mlops import paths
from mlops.errors import CannotRun
from mlops.publish import PAGES, collect, run

CANARY = "canary-7f3a"


@pytest.fixture
def tree(tmp_path, monkeypatch):
    """A folder with params.yaml, every report, and tables that must not leave it."""
    values = yaml.safe_load(Path(paths.PARAMS).read_text(encoding="utf-8"))
    monkeypatch.chdir(tmp_path)
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


def test_takes_no_table_along(tree):
    """No row of a table, nor a stage's JSON, is in the website."""
    collect(Path("public"))
    assert not [path for path in Path("public").rglob("*") if CANARY in path.read_text(encoding="utf-8")]


def test_leaves_nothing_of_an_earlier_run(tree):
    """A page that is no longer made is no longer published, and the index says so."""
    write("public/deepchecks.html", "of yesterday")
    Path(paths.DEEPCHECKS_PAGE).unlink()
    assert ["Verdict", "Data Docs", "Model card"] == collect(Path("public"))
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
