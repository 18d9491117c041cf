"""The transcript in docs/ is the story that the acts tell now."""

import re
from pathlib import Path

import pytest

from rehearsal import transcript

STORY = (Path(__file__).with_name("test_story.py")).read_text(encoding="utf-8")


def test_the_kept_story_has_every_act():
    """Each part of the file is an act of the rehearsal, and the reverse."""
    kept = transcript.FILE.read_text(encoding="utf-8")
    assert re.findall(r'tell\("(?:\\n)?# (\d+\. .+?)\\n"\)', STORY) == transcript.acts(kept)
    assert kept.startswith(transcript.HEAD)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("`8e5cd95cae83` after 1:02", "`0123456789ab` after 9:59"),
        ("2026-11-22 17:50 UTC, 2026-11-22T17:50:33+00:00", "2027-01-02 03:04 UTC, 2027-01-02T03:04:05+00:00"),
        ("1,234 requests, 5.2%", "999 requests, 49.9%"),
        ("sha256:0a1b2c3d4e5f is served", "sha256:ffff2c3d4e5f is served"),
    ],
)
def test_another_run_tells_the_same_story(one, other):
    """Hashes and numbers are a run's own."""
    assert transcript.general(one) == transcript.general(other)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("verdict", "verdict (failure)"),
        ("to canary-05", "to canary-50"),
        ("3 of 46 gates failed", "0 of 46 gates failed"),
    ],
)
def test_another_end_is_another_story(one, other):
    """Words are not."""
    assert transcript.general(one) != transcript.general(other)
