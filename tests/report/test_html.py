"""report.html: one file that needs nothing from elsewhere and escapes what it shows."""

import re
from dataclasses import replace
from functools import cache
from html.parser import HTMLParser

import numpy as np
import pytest

from judging import TASKS, first_run, holding
from mlops import gates, verdict
from mlops.report import html, markdown
from mlops.report.changes import Changes

HOSTILE = "<script>x</script> [a](https://evil.test) ![b](https://evil.test/p.png) <https://evil.test> </td><img src=x>"


class Page(HTMLParser):
    """The tags of a page, and all that it would load or lead to."""

    def __init__(self, text: str):
        super().__init__()
        self.tags, self.outside = [], []
        self.feed(text)
        self.close()

    def handle_starttag(self, tag, attrs):  # noqa: D102  html.parser's name
        self.tags.append(tag)
        values = [
            value for name, value in attrs if name.rpartition(":")[2] in ("src", "href", "srcset", "data", "action")
        ]
        self.outside += [value for value in values if not value.startswith("#")]
        self.outside += [value for _, value in attrs if value and re.search(r"url\((?!['\"]?#)", value)]


@cache
def usual() -> str:
    """The page of evidence that holds."""
    return page(holding())


def page(found, changes=None) -> str:
    report = markdown.render(verdict.decide(found, gates.judge(found)), found, changes or Changes([], [], [], [], []))
    return html.render(report, found)


@pytest.mark.parametrize("task", TASKS)
@pytest.mark.parametrize("made", [holding, first_run])
def test_needs_nothing_from_elsewhere(made, task):
    """No src, href or url() leads out of the file, and there is no script."""
    text = page(made(task))
    assert [] == Page(text).outside
    assert {"script", "link", "iframe", "object", "base"}.isdisjoint(Page(text).tags)
    assert "@import" not in text


def test_shows_the_report_with_drawn_plots():
    """The answer, the tables and three plots; no diagram is left as text."""
    text = usual()
    assert "<strong>This pull request passes</strong>" in text
    assert 3 == Page(text).tags.count("svg")
    assert Page(text).tags.count("table") >= 3
    assert "mermaid" not in text
    assert "details" not in text


@pytest.mark.parametrize(("task", "plots"), [("binary", 3), ("multiclass", 2), ("regression", 2)])
def test_shows_the_plots_of_the_task(task, plots):
    """Calibration and scores always; an ROC curve where there are two classes."""
    text = html.render("# x", holding(task))
    assert plots == Page(text).tags.count("svg")
    assert (task == "binary") == ("false positive rate" in text)


def test_escapes_values_of_params():
    """A tag, a link and an image in a params value or a gate's message are text."""
    found = replace(holding(), lock={"status": "fail", "message": HOSTILE})
    text = page(found, Changes([("data.options", HOSTILE, '"<b>"')], [], [], ["<img src=x>.py"], []))
    assert "&lt;script&gt;" in text
    assert [] == Page(text).outside
    assert {"script", "img", "a", "b"}.isdisjoint(Page(text).tags)


def test_leads_to_the_pages_beside_it_and_nowhere_else():
    """deepchecks, Data Docs and the model card, where they were made; a hostile text adds no link."""
    found = replace(holding(), lock={"status": "fail", "message": HOSTILE})
    report = markdown.render(verdict.decide(found, gates.judge(found)), found, Changes([], [], [], [HOSTILE], []))
    seen = Page(html.render(report, found, HOSTILE, html.PAGES))
    assert ["deepchecks.html", "data_docs/index.html", "model_card.md"] == seen.outside
    assert 3 == seen.tags.count("a")
    assert {"script", "img"}.isdisjoint(seen.tags)


def test_leads_only_to_pages_that_were_made():
    """A stage that was left out has no page."""
    assert ["model_card.md"] == Page(html.render("# x", None, "pass", ["Model card"])).outside


def test_the_title_has_the_verdict():
    """So that a tab tells; and a phone shows the page in its width."""
    text = html.render("# x", None, "fail")
    assert "<title>Verdict: fail</title>" in text
    assert '<meta name=viewport content="width=device-width, initial-scale=1">' in text


def test_a_tag_of_the_report_is_text():
    """Only the folded parts that the report itself makes become something else: headings."""
    text = html.render("<b>x</b>\n\n<details><summary>All gates</summary>\n\ny\n\n</details>", None)
    assert "&lt;b&gt;" in text
    assert "<h4>All gates</h4>" in text


def test_a_diagram_in_a_message_swallows_nothing():
    """A message with a fence or a folded part in it leaves all sections where they are."""
    text = page(replace(holding(), lock={"status": "fail", "message": "x ```mermaid\n</details> ``` y"}))
    assert {"Metrics", "Why it is red", "What changed"} <= set(re.findall(r"<h3>(.*?)</h3>", text))


def test_the_same_evidence_gives_the_same_bytes():
    """No date, no random name of a part."""
    assert usual() == page(holding())


def test_too_few_rows_or_none_are_not_drawn():
    """A page without plots is still a page."""
    few = replace(holding(), score=np.full(4, 0.5), target=np.zeros(4))
    assert "<svg" not in html.render("# x", few)
    assert "<svg" not in html.render("# x", None)
