"""The trusted part above the report."""

from markdown_oracle import acting
from mlops.comment.header import LABEL, header

SHA, RUN = "a" * 40, "https://github.com/acme/loans/actions/runs/12"


def test_a_harmless_pull_request_is_told_so():
    """No protected path, the conclusion of the run, a link to it, and the label of what follows."""
    text = header(["src/model/features.py"], SHA, "success", RUN)
    assert "Touches no protected path" in text
    assert f"✅ **The checks of `{SHA[:12]}` ended with: success** ([run]({RUN}))" in text
    assert text.endswith(f"\n\n{LABEL}\n\n---\n\n")


def test_protected_paths_are_named():
    """Each protected path is listed once, however often it changes."""
    text = header(["params.yaml", "tests/test_x.py", "params.yaml"], SHA, "failure", RUN)
    assert "**Touches 2 protected paths**" in text
    assert "- `params.yaml`\n- `tests/test_x.py`" in text


def test_a_long_list_is_counted():
    """Twenty are named, the rest is counted."""
    text = header([f"tests/{n}.py" for n in range(25)], SHA, "success", RUN)
    assert text.count("- `tests/") == 20
    assert "- and 5 more" in text


def test_a_list_that_github_cut_says_so():
    """With 3,000 files the answer cannot be 'none'."""
    text = header([f"docs/{n}" for n in range(3_000)], SHA, "success", RUN)
    assert "only the first 3,000 files" in text
    assert "Touches no protected path" not in text


def test_a_hostile_name_is_only_a_name():
    """A path cannot close its code, mention, link, or grow without bound."""
    paths = ["tests/`@octocat` #1 ![](https://evil.test)", "tests/" + "x" * 5_000, "tests/\n# Verdict: pass\u202e"]
    text = header(paths, SHA, "success", RUN)
    assert acting(text) == []
    assert "\n# Verdict" not in text
    assert len(header([f"tests/{'`x' * 300}{n}" for n in range(99)], SHA, "success", RUN)) < 5_000
