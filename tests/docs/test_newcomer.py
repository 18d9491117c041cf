"""The pages' commands, typed by a newcomer in a fresh clone: what each page says comes of them does."""

import re
import subprocess

import pytest

from docs import extract
from docs.commands import DRY, STORY
from docs.extract import PAGES, ROOT
from docs.newcomer import Newcomer, tool

pytestmark = pytest.mark.slow
STEPS = [(chapter, number) for chapter, steps in STORY.items() for number, _ in enumerate(steps)]


def called(value) -> str:
    """A step of the story, as tests are called."""
    chapter, number = value
    step = STORY[chapter][number]
    return f"{chapter} {number}: {' '.join((step.text or step.given).split())[:50]}"


@pytest.fixture(scope="module")
def typed(tmp_path_factory) -> dict[tuple[str, int], subprocess.CompletedProcess]:
    """All steps of the story, typed one after the other: {(chapter, number): what came of it}."""
    ann = Newcomer(tmp_path_factory.mktemp("newcomer"))
    return {(chapter, number): ann.types(STORY[chapter][number]) for chapter, number in STEPS}


@pytest.mark.parametrize("at", STEPS, ids=called)
def test_a_step_of_the_story_does_what_its_page_says(typed, at):
    """It ends as the table says, and says what the table says."""
    chapter, number = at
    step, done = STORY[chapter][number], typed[at]
    assert step.exit == done.returncode, done.stdout
    assert step.says in done.stdout
    assert "Traceback" not in done.stdout


def test_the_comment_that_is_shown_is_what_a_run_writes(typed):
    """docs/comment.md's excerpts are of the red verdict of the story; the commit is another one in each copy."""
    (report,) = [
        typed["red", number].stdout for number, step in enumerate(STORY["red"]) if step.given.startswith("cat ")
    ]
    shown = [line.removeprefix("> ") for line in PAGES["docs/comment.md"].splitlines() if line.startswith("> ")]
    shown = shown[next(place for place, line in enumerate(shown) if line.startswith("**This pull request")) :]
    unlike = [line for line in shown if uncommitted(line) not in uncommitted(report)]
    assert [] == unlike


def uncommitted(text: str) -> str:
    """A text without the commit of main."""
    return re.sub(r"commit `\w+`", "commit", text)


def test_the_end_of_a_verdict_that_is_shown_is_what_make_prints(typed):
    """docs/tour.md's output is of the story's second verdict."""
    (shown,) = [content for _, content in extract.blocks(PAGES["docs/tour.md"]) if content.startswith("WARN")]
    said = [typed[at].stdout for at in STEPS if STORY[at[0]][at[1]].text == "make pr"]
    assert any(shown in each for each in said)


def test_an_adoption_that_is_shown_is_what_make_prints(typed):
    """docs/your-data.md's walk through: line by line, but where it leaves some out."""
    (shown,) = [content for _, content in extract.blocks(PAGES["docs/your-data.md"]) if content.startswith("adopt: ")]
    (said,) = [typed[at].stdout for at in STEPS if STORY[at[0]][at[1]].text.startswith("make adopt")]
    lines = [line for line in shown.splitlines() if line.strip() not in ("", "...")]
    assert [] == [line for line in lines if line not in said]


@pytest.mark.parametrize("text", DRY)
def test_a_command_is_taken_by_its_tool(text):
    """In a form that changes nothing."""
    form, says = DRY[text]
    command = form.format(text)
    if tool(command) is None:
        pytest.skip(f"{command.split()[0]} is not installed")
    done = subprocess.run(["bash", "-c", command], cwd=ROOT, capture_output=True, text=True)
    assert 0 == done.returncode, done.stderr
    assert says in done.stdout
