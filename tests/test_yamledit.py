"""The text edit of one YAML value: what it changes, what it leaves alone, what it refuses."""

import pytest
import yaml

from copies import SAMPLE
from mlops import yamledit
from mlops.errors import CannotRun


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("train: {gb: {n: 1, rate: 0.1}}  # why\n", "train: {gb: {n: 5, rate: 0.1}}  # why\n"),
        ("train:\n  gb: {rate: 0.1, n: 1}\n  z: 1\n", "train:\n  gb: {rate: 0.1, n: 5}\n  z: 1\n"),
        (
            "train:\n  gb:\n    # why\n    n:   1  # one\n    rate: 2\n",
            "train:\n  gb:\n    # why\n    n:   5  # one\n    rate: 2\n",
        ),
        (
            "train:\n  gb: {\n    n: 1,  # one\n    rate: 2,\n  }\n",
            "train:\n  gb: {\n    n: 5,  # one\n    rate: 2,\n  }\n",
        ),
        ("{train: {gb: {'n': \"1\"}}}", "{train: {gb: {'n': 5}}}"),
        ("ä: é\r\ntrain:\r\n  gb: {n: 1}\r\n", "ä: é\r\ntrain:\r\n  gb: {n: 5}\r\n"),
        (
            "train:\n  gb:\n    n:\n      - 1\n      - 2\n    # why\n    z: 1\n",
            "train:\n  gb:\n    n:\n      5\n    # why\n    z: 1\n",
        ),
        ("train:\n  gb:\n    n:\n    - 1\n    - 2\n    z: 1\n", "train:\n  gb:\n    n:\n      5\n    z: 1\n"),
        (
            "train:\n  gb: {rate: 1,  # why\n    z: 2  # end\n  }\n",
            "train:\n  gb: {rate: 1,  # why\n    z: 2, n: 5  # end\n  }\n",
        ),
        ("train: {gb: {n: 1, n: 2}}\n", "train: {gb: {n: 1, n: 5}}\n"),
        ("train:\n  gb: {}\n", "train:\n  gb: {n: 5}\n"),
        (
            "train:\n  gb:\n    rate: 1  # why\n\ngates: 1\n",
            "train:\n  gb:\n    rate: 1  # why\n    n: 5\n\ngates: 1\n",
        ),
        ("train:\n  gb:\n    rate: 1", "train:\n  gb:\n    rate: 1\n    n: 5"),
        (
            "train:\r\n  gb:\r\n    rate: 1  # why\r\n\r\ngates: 1\r\n",
            "train:\r\n  gb:\r\n    rate: 1  # why\r\n    n: 5\r\n\r\ngates: 1\r\n",
        ),
        ("train:\r\n  gb:\r\n    rate: 1", "train:\r\n  gb:\r\n    rate: 1\r\n    n: 5"),
        (
            "train:\r\n  gb:\r\n    n:\r\n    - 1\r\n    - 2\r\n    z: 1\r\n",
            "train:\r\n  gb:\r\n    n:\r\n      5\r\n    z: 1\r\n",
        ),
        ("train: {gb: {rate: 1,  # why\r\n  z: 2}}\r\n", "train: {gb: {rate: 1,  # why\r\n  z: 2, n: 5}}\r\n"),
        ("train:\n  z: {a: [1, 2]}\n", "train:\n  z: {a: [1, 2]}\n  gb: {n: 5}\n"),
        (
            "train:\n  z: {a: 1}\n  gb: {n: 1, m: {n: 1}}\nn: 1\n",
            "train:\n  z: {a: 1}\n  gb: {n: 5, m: {n: 1}}\nn: 1\n",
        ),
    ],
)
def test_an_edit_changes_one_value_and_nothing_else(before, after):
    """Comments, order, quotes, line ends and layout stay, in flow and in block style; what is missing is added."""
    assert after == yamledit.edited(before, ["train", "gb", "n"], 5)


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ('window: {start: "2024-01"}  # first\n', 'window: {start: "2024-02"}  # first\n'),
        ("window: {start: '2024-01'}\n", "window: {start: '2024-02'}\n"),
        ("window:\n  start: 2024-01\n", "window:\n  start: 2024-02\n"),
    ],
)
def test_a_text_keeps_its_quotes(before, after):
    """A reviewer reads the value that changed, and no change of quotes."""
    assert after == yamledit.edited(before, ["window", "start"], "2024-02")


def test_a_path_goes_through_lists_by_position():
    """An item of a list is one value like any other, and a list can be replaced as a whole."""
    before = "images:\n  # what serves\n  - name: champion\n    digest: sha256:a  # now\n  - {name: challenger, digest: sha256:b}\n"
    assert before.replace("sha256:a", "sha256:c") == yamledit.edited(before, ["images", 0, "digest"], "sha256:c")
    assert before.replace("sha256:b", "sha256:c") == yamledit.edited(before, ["images", 1, "digest"], "sha256:c")
    assert "components: [a/full]  # step\n" == yamledit.edited(
        "components: [a/one]  # step\n", ["components"], ["a/full"]
    )


def test_a_missing_mapping_is_added_with_its_key():
    """A path of which only the beginning is there is completed, in the style of the mapping that takes it."""
    assert "seed: 0\ngb: {n: 5}" == yamledit.edited("seed: 0", ["gb", "n"], 5)
    assert "train:\n  seed: 0\n  gb: {n: 5}\n" == yamledit.edited("train:\n  seed: 0\n", ["train", "gb", "n"], 5)


@pytest.mark.parametrize("value", [0.5, 1e-05, None, True, "auto", "a, b: c", [10, 20], {"a": [1]}])
def test_an_edit_writes_any_value_that_a_space_can_hold(value):
    """The text that is read again holds the value, in either style."""
    for text in ("train: {gb: {n: 1}}", "train:\n  gb:\n    n: 1\n"):
        assert yaml.safe_load(yamledit.edited(text, ["train", "gb", "n"], value)) == {"train": {"gb": {"n": value}}}


@pytest.mark.parametrize(
    "text",
    [
        "base: &base {n: 1}\ntrain: {gb: *base}\n",
        "train: {gb: word}\n",
        "train:\n  gb:\n",
        "train: {gb: [1]}\n",
        "train: {gb: {\n",
        "",
    ],
)
def test_an_edit_that_would_change_something_else_is_refused(text):
    """A shared anchor and what is no mapping are left to a person, with the file and the value to write."""
    with pytest.raises(CannotRun, match=r"params.yaml: train\.gb\.n cannot be edited as text: set it to 5 by hand"):
        yamledit.edited(text, ["train", "gb", "n"], 5)
    with pytest.raises(CannotRun, match=r"^a.yaml: images\.7 cannot be edited"):
        yamledit.edited("images: [1]\n", ["images", 7], 5, "a.yaml")


def test_the_samples_params_are_laid_out_as_dvc_writes():
    """What DVC writes back of it differs in as little as can be."""
    text = (SAMPLE / "params.yaml").read_text(encoding="utf-8")
    assert text == yamledit.as_dvc_writes(text)


def test_another_layout_becomes_dvcs_and_keeps_its_comments():
    """Quotes that YAML does not need go, values and comments stay."""
    text = 'a:  # why\n    - "one"\n    - two\n'
    assert "a:  # why\n- one\n- two\n" == yamledit.as_dvc_writes(text)
