"""What a retrain tells people: the answer first, what speaks against it, and the table of old against new."""

from dataclasses import replace

from champions import knobs, reference
from mlops.bootstrap import Difference
from mlops.params import Window
from mlops.retrain import report
from mlops.retrain.judge import Judgement, Look

WINDOW = Window(start="2025-12", end="2026-09")
BETTER = Difference(0.7, 0.731, 0.031, 0.012, 0.05, 0.01, 2000)
WORSE = Difference(0.7, 0.69, -0.01, -0.015, -0.005, 0.002, 2000)
LOOKS = {"newest": Look(1234, BETTER, {}), "common": Look(4000, BETTER, {}), "holdout": Look(1800, WORSE, {})}


def told(found: Judgement, primary: str = "roc_auc") -> list[str]:
    """The lines of the report."""
    said = knobs()
    said = said.model_copy(update={"gates": said.gates.model_copy(update={"primary": primary})})
    return report.markdown(reference(), "c" * 64, WINDOW, found, "debt has drifted", said).splitlines()


def test_a_better_challenger_is_proposed():
    """With both hashes, both windows, and why it was trained."""
    champion = reference().model.hash[:12]
    assert [
        "# Retrain",
        "",
        f"**The challenger is better, and proposed.** Champion `{champion}` of 2023-07 to 2024-12, challenger "
        "`cccccccccccc` of 2025-12 to 2026-09.",
        "",
        "Why it was trained: debt has drifted",
        "",
        "| rows | number | ROC AUC: champion | challenger | better by | 95 % interval |",
        "|---|---|---|---|---|---|",
        "| the newest rows, which drift is about | 1,234 | 0.7000 | 0.7310 | +0.0310 | +0.0120 to +0.0500 |",
        "| all rows of its months that neither was trained on | 4,000 | 0.7000 | 0.7310 | +0.0310 | +0.0120 to +0.0500 |",
        "| holdout rows of the champion's months | 1,800 | 0.7000 | 0.6900 | -0.0100 | -0.0150 to -0.0050 |",
    ] == told(Judgement(True, (), (), LOOKS))


def test_one_that_is_not_better_is_not_proposed():
    """What speaks against it is a line each, before the table."""
    lines = told(Judgement(False, ("it is worse", "age=60 is surely worse"), (), LOOKS))
    assert lines[2].startswith("**The challenger is not proposed.** Champion")
    assert ["- it is worse", "- age=60 is surely worse", ""] == lines[6:9]
    assert lines[9].startswith("| rows | number |")


def test_a_note_stands_beside_a_proposal():
    """After what speaks against it, where anything does."""
    assert "- something was forgotten" == told(Judgement(True, (), ("something was forgotten",), LOOKS))[6]
    assert ["- it is worse", "- forgotten"] == told(Judgement(False, ("it is worse",), ("forgotten",), LOOKS))[6:8]


def test_too_few_rows_have_no_numbers():
    """Their line has as many cells as all others."""
    few = told(Judgement(False, (), (), LOOKS | {"newest": Look(12, None, {})}))
    assert "| the newest rows, which drift is about | 12 | too few rows | | | |" == few[8]
    assert {7} == {line.count("|") for line in few if line.startswith("|")}


def test_a_metric_that_should_be_small_keeps_its_values():
    """Only what it is better by is turned."""
    lower = replace(BETTER, main=0.5, candidate=0.469)
    lines = told(Judgement(True, (), (), {"newest": Look(1234, lower, {})}), "log_loss")
    assert "| rows | number | Log loss: champion | challenger | better by | 95 % interval |" == lines[6]
    assert lines[8].endswith("| 0.5000 | 0.4690 | +0.0310 | +0.0120 to +0.0500 |")
