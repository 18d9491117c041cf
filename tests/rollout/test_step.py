"""An overlay's step as text: read, moved on, taken back; comments, order and everything else stay."""

import difflib
from itertools import pairwise

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from mlops.delivery import overlay
from mlops.errors import CannotRun
from mlops.rollout import step
from rollout_cases import EMPTY, FIRST, NAME, SECOND, STABLE, THIRD, at

IMAGES = st.sampled_from([FIRST, SECOND, THIRD])
WHYS = st.text(min_size=1, max_size=40).filter(str.strip)


def changed(before: str, after: str) -> list[str]:
    """The lines of `before` that are not in `after`, or differ."""
    lines = difflib.ndiff(before.splitlines(), after.splitlines())
    return [line[2:].strip().split(":")[0].split("/")[0] for line in lines if line.startswith("- ")]


@pytest.mark.parametrize("name", step.STEPS)
def test_a_step_is_read_as_it_is_written(name):
    """And the challenger of it."""
    text = at(name)
    assert (name, SECOND) == (step.current(text, NAME), step.challenger(text, NAME))


def test_without_a_step_there_is_no_challenger():
    """Whatever stands in the list of images."""
    assert ("stable", None) == (step.current(STABLE, NAME), step.challenger(STABLE, NAME))


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("../../rollout/stable", "../../rollout/canary-07", "it names canary-07"),
        ("../../rollout/stable", "../../components/ingress", "it names none"),
        (
            "  - ../../rollout/stable",
            "  - ../../rollout/shadow\n  - ../../rollout/canary-01",
            "names shadow, canary-01",
        ),
    ],
)
def test_an_overlay_names_exactly_one_known_step(old, new, said):
    """None, an unknown one, two."""
    with pytest.raises(CannotRun, match=said):
        step.current(STABLE.replace(old, new), NAME)


def test_steps_follow_each_other_to_the_end():
    """From stable to full, where the next challenger begins anew."""
    text, walked = STABLE, []
    while step.FULL not in walked:
        walked.append(step.following(text, NAME))
        text = step.promoted(text, NAME, walked[-1], SECOND, "a test")
    assert [*step.STEPS, "full"] == walked
    assert SECOND == overlay.images(text, NAME)["champion"]
    assert "shadow" == step.following(text, NAME)


def test_the_first_champion_meets_nobody():
    """There is nobody to be compared with."""
    assert "full" == step.following(EMPTY, NAME)


def test_a_promotion_is_a_diff_of_a_few_lines():
    """Its first step names the image; each later one moves the step and says on what; full names the champion."""
    steps = [STABLE, *map(at, step.STEPS), step.promoted(at("canary-50"), NAME, "full", SECOND, "a test")]
    diffs = [changed(a, b) for a, b in pairwise(steps)]
    assert ["challenger-model", "- ..", "digest"] == diffs[0]
    assert [["- .."]] * 4 == diffs[1:5]  # a reason that stays is no line; it stays in this test alone
    assert ["champion-model", "- ..", "digest"] == diffs[5]


def test_comments_and_order_stay():
    """Of the whole file."""
    text = at("canary-25")
    kept = [line.partition("#")[2] for line in STABLE.splitlines() if "#" in line]
    assert kept == [line.partition("#")[2] for line in text.splitlines() if "#" in line]
    assert list(yaml.safe_load(STABLE)) == list(yaml.safe_load(text))


@given(IMAGES, st.sampled_from([*step.STEPS, "full"]), WHYS)
def test_promoting_again_changes_nothing(image, name, why):
    """Even where the reason would be another one."""
    once = step.promoted(STABLE, NAME, name, image, why)
    if name != "full":
        assert once == step.promoted(once, NAME, name, image, "another")


@given(st.sampled_from(step.STEPS), WHYS)
def test_a_rollback_takes_all_of_a_promotion_back_but_what_it_remembers(name, why):
    """The digest is rejected, the reason kept in one line."""
    back = step.rolled_back(at(name), NAME, why)
    assert ("stable", None, [SECOND.digest]) == (
        step.current(back, NAME), step.challenger(back, NAME), step.rejected(back, NAME),
    )  # fmt: skip
    assert " ".join(why.split()) == step.evidence(back, NAME)
    assert overlay.images(STABLE, NAME) == overlay.images(back, NAME)


def test_what_was_rejected_stays_so():
    """The oldest first, each once."""
    once = step.rolled_back(at("shadow"), NAME, "wrong")
    again = step.promoted(once, NAME, "canary-01", THIRD, "a test")
    assert [SECOND.digest, THIRD.digest] == step.rejected(step.rolled_back(again, NAME, "slow"), NAME)


def test_after_full_the_champion_of_before_is_put_back():
    """And the lost one rejected."""
    full = step.promoted(at("canary-50"), NAME, "full", SECOND, "a test")
    back = step.restored(full, NAME, FIRST, "wrong")
    assert ({"champion": FIRST, "challenger": FIRST}, [SECOND.digest]) == (
        overlay.images(back, NAME), step.rejected(back, NAME),
    )  # fmt: skip


def test_there_is_nothing_to_take_back_where_no_step_is_open():
    """It says so."""
    with pytest.raises(CannotRun, match="no step open"):
        step.rolled_back(STABLE, NAME, "wrong")


def test_other_components_stay_where_they_are():
    """Before and after the step, in either layout."""
    block = STABLE.replace("components:\n", "components:\n  - ../../components/ingress\n")
    line = next(each for each in STABLE.splitlines() if "rollout/stable" in each)
    flow = STABLE.replace(f"components:\n{line}", "components: [../../rollout/stable, ../../monitoring]")
    for text, others in ((block, ["../../components/ingress"]), (flow, ["../../monitoring"])):
        moved = step.promoted(text, NAME, "canary-05", SECOND, "a test")
        found = yaml.safe_load(moved)["components"]
        assert sorted([*others, "../../rollout/canary-05"]) == sorted(found)


@pytest.mark.parametrize(("name", "share"), [("shadow", 0), ("canary-01", 0.01), ("canary-50", 0.5), ("full", 1)])
def test_a_step_has_a_share_of_the_users(name, share):
    """As its name says."""
    assert share == step.share(name)
