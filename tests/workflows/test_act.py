"""A run of act that breaks off by itself says so: it is no failure of the workflow."""

import pytest

from workflows.act import whole

SAID = "Couldn't get a valid docker connection\n{}\n\ngoroutine 91 [running]:\n"


@pytest.mark.parametrize("line", ["fatal error: concurrent map writes", "panic: runtime error: index out of range"])
def test_a_runner_that_broke_off_is_named(tmp_path, line):
    """With what it said, and where it is written."""
    (tmp_path / "act.err").write_text(SAID.format(line))
    with pytest.raises(AssertionError, match=f"^act broke off by itself, run it again: {line} \\(.*act.err\\)$"):
        whole(tmp_path / "act.err")


@pytest.mark.parametrize("line", ["", "Error: Job 'train' failed", "no panic: this is a warning"])
def test_a_job_that_fails_is_the_workflows(tmp_path, line):
    """So is a warning of act's, and silence."""
    (tmp_path / "act.err").write_text(SAID.format(line))
    whole(tmp_path / "act.err")
