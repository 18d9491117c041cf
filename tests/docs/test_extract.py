"""Commands are read out of a page as a shell would read them: else one would be held against something else, or against nothing."""

import pytest

from docs.extract import Command, commands, lines, parts, uncommented
from docs.refer import headings, slug

PAGE = """Say `make pr`, or `make`, or `params.yaml`; `prose that begins otherwise`.

```
make pr   # the verdict
git commit -m 'a # in quotes' && \\
  git push
```

```yaml
make: no command
```

```
WARN  what make has printed
```
"""


def test_a_page_has_the_commands_of_its_blocks_and_of_its_prose():
    """Each once; a single word, another language and what is printed are none."""
    expected = ["make pr", "git commit -m 'a # in quotes' && git push"]
    assert [Command("x.md", text) for text in expected] == commands({"x.md": PAGE})


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        ("make pr \\\n  BASE=main\nmake test", ["make pr BASE=main", "make test"]),
        ("# only a comment\n\nmake test", ["make test"]),
        ("$ make test", ["make test"]),
        ("python -c '\nprint(1)'\nmake test", ["python -c '\nprint(1)'", "make test"]),
        ("cat <<EOF\nmake pr\nEOF\nmake test", ["cat <<EOF\nmake pr\nEOF", "make test"]),
    ],
    ids=["continued", "commented", "prompted", "quoted over lines", "heredoc"],
)
def test_a_block_is_read_command_by_command(content, expected):
    """Lines that go on are one command, a heredoc's text is none."""
    assert expected == lines(content)


@pytest.mark.parametrize(
    ("line", "expected"), [("make a # b", "make a"), ("make 'a # b'", "make 'a # b'"), ("make a#b", "make a#b")]
)
def test_a_comment_begins_after_a_blank_and_outside_of_quotes(line, expected):
    """As in a shell."""
    assert expected == uncommented(line)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("cd a && time make pr", [["cd", "a"], ["make", "pr"]]),
        ("A=1 make pr | tee log", [["make", "pr"], ["tee", "log"]]),
        ("sed -i 's|a|b|; s|c|d|' x", [["sed", "-i", "s a b   s c d ", "x"]]),
    ],
)
def test_a_command_has_parts(text, expected):
    """Each program with its words; signs of the shell in quotes separate nothing."""
    assert expected == parts(text)


@pytest.mark.parametrize(
    ("heading", "expected"), [("A step", "a-step"), ("By itself: `drift.yml`", "by-itself-driftyml"), ("50 %", "50-")]
)
def test_a_heading_has_the_address_that_github_gives_it(heading, expected):
    """Small letters, no signs, a hyphen for a blank."""
    assert expected == slug(heading)


def test_a_comment_in_a_block_is_no_heading(tmp_path):
    """Only what stands outside of blocks."""
    (tmp_path / "x.md").write_text("# One\n\n```\n# two\n```\n")
    assert {"one"} == headings(tmp_path / "x.md")
