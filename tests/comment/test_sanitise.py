"""Hostile Markdown, judged by GitHub's own parser instead of by the rules that clean it."""

import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from markdown_oracle import OWN, RUN, Page, acting, rendered
from mlops.comment.sanitise import BREAK, CUT, inert, sanitise

FRAGMENTS = [
    *"@#1\\&;/:![]()<>|`*_~^${}-.a='\"",
    *(
        "octocat",
        "GH-",
        "GHSA-",
        "&#64;",
        "&#x40;",
        "&commat;",
        "&num;",
        "&colon;",
        "&sol;",
        "&lt;",
        "mailto:",
        "xmpp:",
    ),
    *(
        "http",
        "https://",
        "evil.test",
        "www.",
        "javascript:",
        "](",
        "]:",
        "[^1]",
        "[^1]:",
        "![",
        "<!--",
        "-->",
        "<![CDATA[",
    ),
    *("<a>", "<b>", "<img>", "<script>", "<details>", "</details>", "<summary>", "<sub>", "<br>", "<?", "]]>"),
    *("```", "~~~", "mermaid", "```mermaid", "click", "href", "%%{"),
    *(" ", "\t", "    ", "\n", "\n\n", "\r", "\f", "> ", "- ", "1. ", "# ", "\n```mermaid\n", "\n```\n", "\n|-|-|\n"),
    *(
        "\u200b",
        "\u202e",
        "\u2028",
        "\xa0",
        "\\\n",
        RUN,
        f"]({RUN})",
        "/../../issues/1",
        f"<a href='{RUN}'>",
        " href=x",
    ),
]


@settings(max_examples=1000, deadline=None)
@given(st.lists(st.sampled_from(FRAGMENTS), max_size=30).map("".join))
def test_nothing_acts_in_any_mixture(text):
    """No mixture of fragments makes a tag, link, image, mention or reference that GitHub's parser sees."""
    assert acting(sanitise(text.encode(), OWN)) == []


@settings(max_examples=300, deadline=None)
@given(st.lists(st.sampled_from(FRAGMENTS), max_size=15).map("".join))
def test_no_name_of_a_file_acts(text):
    """A path that the pull request chose is one line in which nothing acts, no tag either."""
    clean = inert(text)
    assert acting(f"- `{clean}`\n- {clean}") == []
    assert len(clean.splitlines() or [""]) == 1


@pytest.mark.parametrize(
    "hostile",
    [
        "@octocat and @acme/team",
        r"\@octocat GH\-1 GHSA\-aaaa",
        "&#64;octocat &commat;octocat",
        "fixes #1, acme/loans#2, GH-3, GHSA-aaaa-bbbb-cccc",
        f"{OWN}/issues/5 and {OWN}/pull/6",
        f"{RUN}/../../../issues/5",
        f"![](https://evil.test/pixel.png) ![]({RUN})",
        "![x][1]\n\n[1]: https://evil.test/pixel.png",
        "[x](https://evil.test) [y](//evil.test) [z](javascript:alert(1)) [w](\nhttps://evil.test)",
        "<https://evil.test> www.evil.test ftp://evil.test a@evil.test",
        "<script>x</script><img src=x onerror=y><a href=x>y</a>",
        "<details open ontoggle=x>",
        "<!-- hidden",
        "```geojson\n{}\n```",
        "x[^1]\n\n[^1]: https://evil.test",
    ],
)
def test_hostile_text_can_only_be_read(hostile):
    """Mentions, references, links, images and tags are left as text, by whatever spelling."""
    assert acting(sanitise(hostile.encode(), OWN)) == []
    assert {"geojson"}.isdisjoint(sanitise(hostile.encode(), OWN).split())


def test_a_report_keeps_its_shape():
    """Tables, folded parts, code and links to our own runs come through as they were written."""
    report = f"| a | b |\n|---|---|\n| 1 | 2 |\n\n<details><summary>more</summary>\n\n[run]({RUN})\n\n</details>\n"
    assert report == sanitise(report.encode(), OWN)
    assert {"table", "details", "summary", "a"} <= Page(report).tags


def test_a_diagram_is_kept_without_what_acts():
    """A Mermaid block stays a diagram, and loses its links, callbacks, directives and front matter."""
    diagram = "```mermaid\n---\nx: y\n---\n%%{init: {'securityLevel': 'loose'}}%%\nflowchart LR\n  A-->B\n"
    acts = (
        'click A "//evil.test"\n A; click B call f()\nlink C: D @ //e\nE["<b>x</b>"]\nstyle A fill:url(//evil.test)\n'
    )
    clean = sanitise(f"{diagram}{acts}```\n".encode(), OWN)
    assert clean.startswith("```mermaid\n")
    assert "\nflowchart LR\n  A-->B\n" in clean
    assert re.findall(r"click|link|init|---\n|//|<b>", clean) == []


@pytest.mark.parametrize(
    "opener", ["````mermaid", "~~~mermaid", " ```mermaid", "> ```mermaid", "- ```mermaid", "```Mermaid"]
)
def test_a_diagram_elsewhere_is_code(opener):
    """Only the one spelling that is watched line by line is drawn; all others are shown as code."""
    html = rendered(sanitise(f"{opener}\nclick A\n".encode(), OWN))
    assert f'lang="{BREAK}{opener.lstrip(">- `~")}"' in html


def test_what_is_open_is_closed():
    """A code fence and a folded part that the report leaves open end with it."""
    clean = sanitise(b"<details>\n\n```\nx", OWN) + "\n\nafter"
    assert rendered(clean).endswith("</details>\n<p>after</p>\n")


def test_a_tag_in_code_is_text():
    """What stands in a code fence opens nothing, so nothing is closed for it."""
    assert f"```\n<{BREAK}details>\n```" == sanitise(b"```\n<details>\n```", OWN)


def test_unmatched_tags_are_text():
    """A closing tag that nothing opened, and a ninth open tag, are text."""
    assert f"<{BREAK}/details>" == sanitise(b"</details>", OWN)
    assert sanitise(b"<sub>" * 50, OWN).count("<sub>") == 8


def test_a_long_report_is_cut():
    """A report above the limit ends at a whole line, closed, and says so."""
    clean = sanitise(b"<details>\n\n```\n" + b"0123456789\n" * 10_000, OWN)
    assert clean.endswith(f"0123456789\n```\n\n</details>\n\n{CUT}")
    assert len(clean.encode()) <= 60_000 + len(CUT) + 2


@pytest.mark.parametrize("piece", [b"`", b"<", b"](", b"; ", b"``` ", b"<details>", b"@a", b"\xff", b"~" * 999 + b"\n"])
def test_size_is_bounded_whatever_the_text(piece):
    """A megabyte of one fragment is read in time and comes out within the limit."""
    clean = sanitise(b"```mermaid\n" + piece * (1_000_000 // len(piece)), OWN)
    assert len(clean.encode()) <= 60_000 + len(CUT) + 2


def test_unseen_characters_are_dropped():
    """Bidi overrides, zero-width and control characters vanish; bytes that are not UTF-8 are shown as such."""
    assert sanitise("a\u202eb\u200b\u0007c".encode() + b"\xff", OWN) == "abc\ufffd"


def test_a_watermark_cannot_be_copied():
    """The body never holds the mark by which the one comment is found."""
    clean = sanitise(b'![](https://cml.dev/watermark.png#abc "CML watermark mlops-verdict")', OWN)
    assert "![](" not in clean
