"""Verb `publish`: the reports of this tree as a small website in public/, where params.yaml asks for it. Run: mlops publish.

Sets the step output `publish` to true or false. Takes the files named in PAGES and nothing else: no table, no row leaves.
"""

import shutil
from datetime import UTC, datetime
from html import escape
from os.path import relpath
from pathlib import Path

from mlops import params, paths
from mlops.errors import CannotRun
from mlops.files import read_json, write_text
from mlops.github import report
from mlops.status import read as looked
from mlops.status import status

OUT = "public"
STATUS = "reports/status.html"  # nobody else reads it; a name more in mlops.paths would train every model anew
# page -> (title, where the pipeline leaves it)
PAGES = {
    "report.html": ("Verdict", paths.REPORT_PAGE),
    "data_docs.html": ("Data Docs", paths.DATA_DOCS),
    "deepchecks.html": ("deepchecks", paths.DEEPCHECKS_PAGE),
    "model_card.html": ("Model card", paths.CARD),
    "drift.html": ("Drift, champion after champion", paths.DRIFT_HISTORY),
    "status.html": (status.TITLE, STATUS),
}
PAGE = (
    "<!doctype html><html lang=en><meta charset=utf-8><title>{title}</title>"
    "<style>body{{font:16px/1.5 system-ui,sans-serif;max-width:60rem;margin:2rem auto;padding:0 1rem}}"
    "table{{border-collapse:collapse}}td,th{{border:1px solid #ccc;padding:.3rem .6rem}}</style><body>{body}</body></html>\n"
)


def run(args) -> None:
    """Write public/ where reports.publish is true; raises CannotRun where there is no report to publish."""
    if not params.read().reports.publish:
        report("Pages: not configured (reports.publish is false in params.yaml).", publish="false")
        return
    _draw()
    _tell()
    report(f"To be published: {', '.join(collect(Path(OUT)))}.", publish="true")


def collect(out: Path) -> list[str]:
    """Make the folder `out` anew from the reports that are there, with an index; return their titles."""
    made = {name: title for name, (title, source) in PAGES.items() if Path(source).is_file()}
    if not made.keys() - {"status.html"}:  # which every run makes
        raise CannotRun("there is no report to publish: run `make train` and `make compare` first")
    shutil.rmtree(out, ignore_errors=True)
    out.mkdir(parents=True)
    for name in made:
        _copy(Path(PAGES[name][1]), out / name)
    items = [
        f'<li><a href="{name}">{title}</a></li>' if name in made else f"<li>{title}: was not made</li>"
        for name, (title, _) in PAGES.items()
    ]
    body = f"<h1>Reports of main</h1><p>{escape(_answer())}</p><ul>{''.join(items)}</ul>"
    write_text(out / "index.html", PAGE.format(title="Reports of main", body=body))
    return list(made.values())


def _draw() -> None:
    """Draw what `keep` has kept, where there is something."""
    from mlops.drift import history
    from mlops.drift.kept import texts
    from mlops.drift.report import pages

    if found := [each for each in map(history.read, texts().values()) if each[1]]:
        write_text(paths.DRIFT_HISTORY, pages(found))


def _tell() -> None:
    """Write what runs where, as far as it can be known: without a token or a network it says so."""
    from mlops.report.html import body, page

    now = datetime.now(UTC)
    try:
        said = status.page(looked.gather(checks=False), now)
    except CannotRun as error:
        said = f"# {status.TITLE}\n\nCannot be read: {status.clean(str(error))}"
    write_text(STATUS, page(status.TITLE, body(said)))


def _copy(source: Path, page: Path) -> None:
    from markdown_it import MarkdownIt

    if source.suffix == ".md":
        text = MarkdownIt("commonmark", {"html": False}).enable("table").render(source.read_text(encoding="utf-8"))
        write_text(page, PAGE.format(title="Model card", body=text))
    elif source == Path(paths.REPORT_PAGE):  # its links go to the files beside it, which have other names here
        text = source.read_text(encoding="utf-8")
        for name, (_, other) in PAGES.items():
            text = text.replace(f'href="{relpath(other, source.parent)}"', f'href="{name}"')
        write_text(page, text)
    else:
        shutil.copy(source, page)


def _answer() -> str:
    if not Path(paths.VERDICT).exists():
        return "Nothing was compared."
    found = read_json(paths.VERDICT, "run `make compare` again")
    return f"{found['verdict']}: {found['message']}"
