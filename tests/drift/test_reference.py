"""What windows are held against is the champion's own rows and bytes, by their hashes."""

import json
import shutil
from datetime import date

import numpy as np
import pytest

from champions import TABLE, knobs, reference
from copies import SAMPLE, copy, ran
from mlops import params
from mlops.drift import reference as module
from mlops.errors import CannotRun
from mlops.params import Window


def test_what_comes_after_the_training_window_is_new():
    """From the first day of the month after it."""
    assert date(2024, 12, 31) == reference().last


def test_rows_that_a_person_has_accepted_are_those_of_their_months():
    """Read from the source, as the training window is."""
    frame = module.accepted(knobs(reference=Window(start="2025-03", end="2025-04")), TABLE)
    assert {"2025-03", "2025-04"} == set(frame[TABLE.time].dt.strftime("%Y-%m"))


def test_a_model_without_a_window_cannot_say_which_rows_are_new():
    """It is a table without months."""
    with pytest.raises(
        CannotRun, match=r"^params\.yaml of aaaaaaaa names no `data\.window`, so nothing says which rows"
    ):
        module._window({"window": None}, "a" * 40)
    assert Window(start="2024-01", end="2024-02") == module._window(
        {"window": {"start": "2024-01", "end": "2024-02"}}, "a"
    )


@pytest.mark.slow
class TestRead:
    """On a real copy, whose pipeline has run."""

    @pytest.fixture(scope="class")
    def folder(self, tmp_path_factory):
        """The copy."""
        return ran(tmp_path_factory.mktemp("reference"))

    def test_a_fresh_copy_is_held_against_mains_model(self, folder):
        """Its rows are those of the lock, and the unseen ones are no training rows."""
        found = module.read(TABLE, params.read(SAMPLE), folder.path)
        metrics = json.loads((folder.path / "metrics.json").read_text())
        assert (metrics["model_hash"], metrics["data_hash"]) == (found.model.hash, found.data_hash)
        assert folder.main == found.commit
        assert len(found.frame) - metrics["rows"]["train"] - metrics["rows"]["validation"] == np.count_nonzero(
            found.unseen
        )

    def test_bytes_that_are_in_no_cache_are_made_again(self, folder):
        """From the champion's own tree, and only where they come out the same."""
        before = module.read(TABLE, params.read(SAMPLE), folder.path)
        shutil.rmtree(folder.path / ".dvc/cache/files")
        after = module.read(TABLE, params.read(SAMPLE), folder.path)
        assert before.model.hash == after.model.hash
        assert before.frame.equals(after.frame)

    def test_a_main_without_a_model_has_nothing_to_hold_rows_against(self, tmp_path):
        """A first one is merged before."""
        made = copy(tmp_path / "copy")
        made.git("rm", "-q", "metrics.json", "dvc.lock")
        made.git("commit", "-q", "--amend", "-m", "no model yet")
        with pytest.raises(CannotRun, match="main has no model yet"):
            module.read(TABLE, params.read(SAMPLE), made.path)
