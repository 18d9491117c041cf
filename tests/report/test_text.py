"""What a report shows but did not write is bounded, and nothing in it acts."""

from math import inf, nan

import pytest
from cmarkgfm import github_flavored_markdown_to_html
from cmarkgfm.cmark import Options
from hypothesis import given, settings
from hypothesis import strategies as st

from mlops.report.text import code, figure, listed, plain

FRAGMENTS = ["`", "``", "```", "|", "\n", "\r\n", "\u2028", "<", "</details>", "<!--", "<b>", "&lt;", "a", " ", "\\"]
TEXTS = st.lists(st.sampled_from(FRAGMENTS), max_size=12).map("".join)


def drawn(text: str) -> str:
    return github_flavored_markdown_to_html(text, options=Options.CMARK_OPT_UNSAFE)


@settings(max_examples=300, deadline=None)
@given(TEXTS)
def test_a_message_does_not_reach_beyond_itself(text):
    """Whatever a message holds, it is one line, makes no tag, and the code after it is still code."""
    line = plain(text)
    html = drawn(f"- x {line}. More: `make pr`")
    assert 1 == len(line.splitlines() or [""])
    assert html.endswith("More: <code>make pr</code></li>\n</ul>\n")
    assert ["<b", "<!-", "</details"] == [tag for tag in ("<b", "<!-", "</details") if tag not in html]


@settings(max_examples=300, deadline=None)
@given(TEXTS)
def test_a_value_is_one_piece_of_code(text):
    """Whatever a value or a path holds, it is shown as code, and so is the next."""
    html = drawn(f"- {code('x' + text)} -> {code('y')}")
    assert 2 == html.count("<code>")
    assert html.endswith(" -&gt; <code>y</code></li>\n</ul>\n")


def test_plain_keeps_ordinary_text():
    """A sentence with a command, an underscore and an angle bracket in code comes through as it is."""
    text = "late_payments: run `make lock PR=<number>`, or wait"
    assert text == plain(text)


@pytest.mark.parametrize("shorten", [plain, code])
def test_long_text_is_cut(shorten):
    """At most so many characters, with a mark where it was cut."""
    assert 12 >= len(shorten("x" * 1000, 10))
    assert "…" in shorten("x" * 1000, 10)


@pytest.mark.parametrize("value", [nan, inf, None])
def test_figure_says_what_is_no_number(value):
    """NaN is said in words."""
    assert "not a number" == figure(value)


def test_figure_writes_a_number_as_asked():
    """Four digits, or with its sign."""
    assert ("0.1235", "+0.12") == (figure(0.12349999), figure(0.12, "+.2f"))


def test_listed_counts_what_it_leaves_out():
    """A list that is short enough is whole."""
    assert ["a", "b"] == listed(["a", "b"], 2)
    assert ["a", "and 1,999 more"] == listed(["a"] * 2000, 1)
