"""What a person accepts is one line of params.yaml, and months that are there."""

from argparse import Namespace
from datetime import date
from pathlib import Path

import pytest
import yaml

from champions import reference
from copies import SAMPLE
from mlops.drift import accept, history
from mlops.drift.decision import Decision, Seen
from mlops.drift.windows import since
from mlops.errors import CannotRun

NONE = Namespace(start="", end="")


@pytest.fixture
def tree(tmp_path, monkeypatch):
    """The sample's params and contract."""
    monkeypatch.chdir(tmp_path)
    for name in ("params.yaml", "data/contract.yaml"):
        Path(name).parent.mkdir(exist_ok=True)
        Path(name).write_text((SAMPLE / name).read_text(encoding="utf-8"), encoding="utf-8")
    return tmp_path


def looked() -> None:
    """Leave what `drift` leaves: four windows, of which the last is open."""
    spans = since(date(2024, 12, 31), date(2025, 4, 9), "month", 30)
    seen = [Seen(each, 600, 0, ()) for each in spans]
    history.write("reports/drift.json", "any", date(2025, 4, 9), reference(), seen, Decision("retrain", ()))


def test_the_newest_closed_windows_are_taken(tree):
    """As many as decide; nothing else of the file changes."""
    looked()
    before = Path("params.yaml").read_text()
    assert 0 == accept.run(NONE)
    text = Path("params.yaml").read_text()
    assert {"start": "2025-01", "end": "2025-03"} == yaml.safe_load(text)["drift"]["reference"]
    assert 1 == len(set(text.splitlines()) - set(before.splitlines()))
    assert set() == set(before.splitlines()) - set(text.splitlines())


def test_months_that_are_named_are_taken(tree):
    """And again others, in the same line."""
    for end in ("2025-04", "2025-05"):
        assert 0 == accept.run(Namespace(start="2025-03", end=end))
        assert {"start": "2025-03", "end": end} == yaml.safe_load(Path("params.yaml").read_text())["drift"]["reference"]


@pytest.mark.parametrize(
    ("start", "end", "said"),
    [
        ("", "", "reports/drift.json has no closed window: run `make drift` first"),
        ("2025-03", "", "name both START= and END=, or neither"),
        ("2025-03", "2025-02", "the window is empty"),
        ("March", "2025-02", "must be a month"),
    ],
)
def test_what_is_no_window_is_refused_and_nothing_is_written(tree, start, end, said):
    """With the fix."""
    before = Path("params.yaml").read_text()
    with pytest.raises(CannotRun, match=said):
        accept.run(Namespace(start=start, end=end))
    assert before == Path("params.yaml").read_text()


def test_a_table_without_a_time_has_no_months(tree):
    """Nothing could be found by them."""
    path = Path("data/contract.yaml")
    path.write_text(path.read_text().replace("time: applied_at\n", ""))
    with pytest.raises(CannotRun, match="names no `time` column"):
        accept.run(Namespace(start="2025-03", end="2025-04"))
