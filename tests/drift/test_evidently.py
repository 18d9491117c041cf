"""Evidently's own page: made where its environment is, said to be missing where not, and without a row of anybody."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import monitor
from copies import ran
from drift_cases import table, visits, window
from mlops.drift import evidently
from mlops.drift.decision import Seen
from mlops.errors import CannotRun
from mlops.paths import EVIDENTLY_PAGE

SHOP = table()


@pytest.fixture(autouse=True)
def here(tmp_path, monkeypatch):
    """A folder with last month's page, as working directory."""
    monkeypatch.chdir(tmp_path)
    Path(EVIDENTLY_PAGE).parent.mkdir()
    Path(EVIDENTLY_PAGE).write_text("of last month")


def stand_in(script: str) -> None:
    """An environment whose Python is a shell script."""
    path = Path(evidently.PYTHON)
    path.parent.mkdir(parents=True)
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(0o755)


def scored(frame: pd.DataFrame) -> pd.DataFrame:
    """Rows with a score each."""
    return frame.assign(_score=np.random.default_rng(1).random(len(frame)), _known=True)


def paged(current=None, reference=None) -> str:
    """What is said of the page of some visits."""
    current = [visits(seed=2)] if current is None else current
    return evidently.page([visits()] if reference is None else reference, current, scored, SHOP)


def unread():
    """Rows that nobody should ask for."""
    raise AssertionError("rows were read")
    yield


def test_without_its_environment_it_says_so_and_reads_no_row():
    """The sentence names the verb that makes it; a page of an earlier run is gone."""
    assert "Evidently: not configured (no .venv-monitor: make setup-monitor)" == paged(unread(), unread())
    assert not Path(EVIDENTLY_PAGE).exists()


def test_the_newest_window_with_rows_enough_is_shown():
    """An open one, too; none where all have too few, which is said."""
    names = {"2025-01": 900, "2025-02": 500, "2025-03": 499}
    seen = [Seen(window(f"{name}-01"), rows, 0, ()) for name, rows in names.items()]
    assert "2025-02" == evidently.newest(seen, 500).name
    assert evidently.newest(seen, 901) is None
    stand_in("exit 0")
    assert "Evidently: no window has rows enough" == evidently.page(unread(), None, scored, SHOP)


def test_where_it_fails_its_last_words_are_said():
    """Nothing is raised: what drift has found stays what it is. The words are bounded."""
    stand_in("echo first >&2; echo out of luck >&2; echo >&2; exit 3")
    assert "Evidently: no page: Evidently stopped (exit 3): out of luck" == paged()
    stand_in_again(f"echo {'x' * 5000} >&2; exit 3")
    assert "Evidently: no page: Evidently stopped (exit 3): " + "x" * 200 == paged()
    stand_in_again("exit 3")
    assert "Evidently: no page: Evidently stopped (exit 3): it said nothing" == paged()
    stand_in_again("exit 0")
    assert "Evidently: no page: Evidently wrote none" == paged()
    assert not Path(EVIDENTLY_PAGE).exists()


def stand_in_again(script: str) -> None:
    """Another script in its place."""
    Path(evidently.PYTHON).write_text(f"#!/bin/sh\n{script}\n")


def test_a_python_that_does_not_start_or_does_not_end_is_said(monkeypatch):
    """One of another machine, and one that hangs."""
    stand_in("exec sleep 60")
    monkeypatch.setattr(evidently, "LONGEST", 0.2)
    assert "Evidently: no page: Evidently was stopped after 0.2 s" == paged()
    Path(evidently.PYTHON).chmod(0o644)
    assert f"Evidently: no page: {evidently.PYTHON} does not start (Permission denied): make setup-monitor" == paged()


def test_rows_that_cannot_be_read_again_are_said():
    """A log that is gone since, and a window that is empty now."""
    stand_in("exit 0")

    def gone():
        raise CannotRun("the prediction log cannot be read")
        yield

    assert "Evidently: no page: the prediction log cannot be read" == paged(gone())
    assert "Evidently: no page: its window has no rows any more" == paged([])


def test_at_most_100_000_rows_are_drawn_always_the_same():
    """From every chunk, in the order in which they came."""
    chunks = [pd.DataFrame({"place": np.arange(start, start + 60_000)}) for start in (0, 60_000, 120_000)]
    one, again = evidently.drawn(chunks), evidently.drawn(chunks)
    assert ["place"] == list(one.columns)
    assert 100_000 == len(one) == one["place"].nunique()
    assert one["place"].is_monotonic_increasing
    assert [33, 33, 33] == [round(share * 100) for share in np.bincount(one["place"] // 60_000) / len(one)]
    pd.testing.assert_frame_equal(one, again)


def test_fewer_rows_are_all_there():
    """Two chunks, one after the other."""
    assert [0, 1, 0, 1] == list(evidently.drawn([pd.DataFrame({"place": [0, 1]})] * 2)["place"])


def test_columns_are_those_that_drift_looks_at():
    """Numbers, categories and scores; no id, no time, no label."""
    found = evidently.shown(scored(visits()), SHOP)
    assert {"amount", "items", "city", "member", "gender", "_score"} == {*found}
    assert {"false", "true"} == {*found["member"]}


def test_what_the_contract_does_not_name_is_undeclared():
    """A value that one row has would be that row's; one that ends a script is plain."""
    city = table(
        columns=SHOP.model_dump()["columns"] | {"city": {"type": "category", "categories": ["n", "</script>", "<=50K"]}}
    ).columns["city"]
    given = pd.Series(["n", "Anna Canary", None, "</script>", "<=50K"], dtype=object)
    assert ["n", "undeclared", "missing", "‹/script>", "<=50K"] == list(evidently.named(given, city))
    flags = pd.Series([True, False, None, "Anna"], dtype=object)
    assert ["true", "false", "missing", "missing"] == list(evidently.named(flags, SHOP.columns["member"]))


def test_numbers_end_where_ten_rows_are_and_round():
    """The largest and the smallest are no row's own."""
    values = np.random.default_rng(0).lognormal(10, 1, 1000)
    values[17] = 98765432.125
    found = evidently.bounded(values)
    for end in (found.min(), found.max()):
        assert (found == end).sum() >= 10
        assert end not in values
        assert end == round(end, -1)
    inside = (found > found.min()) & (found < found.max())
    np.testing.assert_array_equal(values[inside], found[inside])
    assert inside.mean() > 0.9


def test_whole_numbers_and_a_number_that_all_have_stay():
    """Where ten rows have the smallest and the largest, nothing moves."""
    whole = np.repeat([0.0, 1.0, 2.0, 40.0], 25)
    np.testing.assert_array_equal(whole, evidently.bounded(whole))
    same = np.full(300, 7.123)
    np.testing.assert_array_equal(same, evidently.bounded(same))


def test_a_part_with_few_numbers_has_none():
    """The page draws the mean of each tenth of the rows; of one row that mean is the row."""
    values = np.arange(400.0)
    values[:39] = np.nan  # of the first tenth one is left
    found = evidently.bounded(values)
    assert np.isnan(found[:40]).all()
    assert not np.isnan(found[40:]).any()
    assert np.isnan(evidently.bounded(np.r_[np.arange(29.0), np.full(10, np.nan)])).all()


def test_infinite_numbers_are_missing():
    """As no model takes them; neither does what is no number."""
    given = pd.Series([1.5, np.inf, None, "7", "Anna"], dtype=object)
    np.testing.assert_array_equal([1.5, np.nan, np.nan, 7.0, np.nan], evidently.numbers(given))


@pytest.mark.slow
class TestEvidently:
    """Evidently itself, in its environment."""

    @pytest.fixture(autouse=True)
    def environment(self, here):
        """.venv-monitor of the repository."""
        monitor.python()
        Path(".venv-monitor").symlink_to(monitor.FOLDER)

    def test_the_page_has_every_column_and_nobodys_row(self):
        """Canaries of a number and of a category seen once are not on it, nor any number that one row has."""
        random = np.random.default_rng(3)
        current = visits(2000, amount=random.normal(500, 100, 2000))
        current["city"] = current["city"].astype(object)
        current.loc[7, ["amount", "city"]] = [7654321.125, "Anna Canary"]
        current.loc[8, "items"] = 7654321
        reference = visits(1000)
        assert f"Evidently: {EVIDENTLY_PAGE}" == paged([current], [reference])
        page = Path(EVIDENTLY_PAGE).read_text()
        assert [] == [
            name for name in ("amount", "items", "city", "member", "_score", "undeclared") if name not in page
        ]
        assert [] == [name for name in ("Canary", "7654321", *current["visit"][-9:]) if name in page]
        scores = [each for frame in (reference, current) for each in scored(frame)["_score"]]
        own = [*reference["amount"], *current["amount"], *scores]
        assert [] == [value for value in own if repr(float(value)) in page or f"{value:.6f}" in page]

    def test_it_shows_a_moved_column_and_loads_nothing_from_elsewhere(self):
        """One file, which a browser needs no network for."""
        current = visits(2000, amount=np.random.default_rng(3).uniform(400, 600, 2000))
        assert f"Evidently: {EVIDENTLY_PAGE}" == paged([current], [visits(2000)])
        page = Path(EVIDENTLY_PAGE).read_text()
        assert "(1 out of 6)" in page
        assert [] == [word for word in ("<script src", "<link", "<img", "<iframe") if word in page]

    def test_odd_columns_are_no_failure(self):
        """One number that all rows have, none at all, one category, names that Evidently has for itself."""
        odd = {
            "target": {"type": "number"},
            "prediction": {"type": "number"},
            "index": {"type": "number"},
            "constant": {"type": "number"},
            "empty": {"type": "number"},
            "</script>": {"type": "category", "categories": ["</script><b>"]},
        }
        shop = table(columns=SHOP.model_dump()["columns"] | odd)
        random = np.random.default_rng(0)
        values = {name: random.random(500) for name in ("target", "prediction", "index")}
        values |= {"constant": 3.5, "empty": np.nan, "</script>": "</script><b>"}
        frames = [visits(500, seed=seed, **values) for seed in (0, 1)]
        said = evidently.page(frames[:1], frames[1:], scored, shop)
        assert f"Evidently: {EVIDENTLY_PAGE}" == said
        assert "</script><b>" not in Path(EVIDENTLY_PAGE).read_text()

    def test_what_evidently_says_of_a_failure_is_one_line(self, monkeypatch, capsys):
        """Without its words in CI, where everybody reads the log and they may quote a value."""
        monkeypatch.setattr(evidently, "write_json", lambda path, value: path.write_text("Anna Canary"))
        assert "Evidently: no page: Evidently stopped (exit 1): JSONDecodeError: Expecting value" in paged()
        monkeypatch.setenv("CI", "true")
        assert "Evidently: no page: Evidently stopped (exit 1): JSONDecodeError" == paged()

    def test_mlops_drift_writes_it(self, tmp_path_factory):
        """On a real copy, beside its own reports; without the environment it says that it does not."""
        folder = ran(tmp_path_factory.mktemp("evidently"))
        before = folder.mlops("drift", "--as-of", "2025-03-31")
        (folder.path / ".venv-monitor").symlink_to(monitor.FOLDER)
        after = folder.mlops("drift", "--as-of", "2025-03-31")
        assert [evidently.ABSENT, f"Evidently: {EVIDENTLY_PAGE}"] == [
            next(line for line in done.stdout.splitlines() if line.startswith("Evidently")) for done in (before, after)
        ]
        assert before.returncode == after.returncode
        assert (folder.path / EVIDENTLY_PAGE).exists()
