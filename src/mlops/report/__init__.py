"""The report for people: report.md, and report.html with real plots."""

from pathlib import Path

from mlops.files import write_text
from mlops.paths import REPORT, REPORT_PAGE
from mlops.report import html, markdown
from mlops.report.changes import Changes, changes

__all__ = ["Changes", "changes", "write"]


def write(verdict: dict, evidence, changed: Changes | None) -> None:
    """Write both reports; `evidence` and `changed` are None where nothing could be judged."""
    write_text(REPORT, markdown.render(verdict, evidence, changed))
    whole = markdown.render(verdict, evidence, changed, limit=10**9)
    pages = [name for name, path in html.PAGES.items() if Path(path).exists()]
    write_text(REPORT_PAGE, html.render(whole, evidence, verdict["verdict"], pages))
