"""What the pipeline made, in the store that a team names."""

import pytest

from copies import copy

pytestmark = pytest.mark.slow


def test_outputs_reach_a_store_and_come_back_without_a_stage(tmp_path):
    """One copy pushes; another one, with an empty cache, takes everything from there and runs nothing."""
    store = tmp_path / "store"
    first, second = copy(tmp_path / "first"), copy(tmp_path / "second")
    made = first.mlops("repro", "evaluate", "behaviour")
    pushed = first.mlops("push", DVC_REMOTE_URL=str(store))
    assert (0, 0) == (made.returncode, pushed.returncode), pushed.stderr
    for name in ("dvc.lock", "metrics.json"):
        (second.path / name).write_text((first.path / name).read_text())
    taken = second.mlops("repro", "evaluate", "behaviour", DVC_REMOTE_URL=str(store))
    assert 0 == taken.returncode, taken.stderr
    assert "-- train:" not in taken.stdout
    assert (first.path / "models/model.onnx").read_bytes() == (second.path / "models/model.onnx").read_bytes()


def test_without_a_store_it_says_so_once_and_passes(tmp_path):
    """Nothing named is no failure."""
    done = copy(tmp_path).mlops("push")
    assert 0 == done.returncode
    assert 1 == done.stdout.count("not configured")


@pytest.mark.parametrize(
    ("url", "said"),
    [("ftp://store", "must begin with one of"), ("s3://no-such-bucket/x", "DVC_REMOTE_URL s3://no-such-bucket/x")],
)
def test_a_store_that_cannot_be_written_is_one_sentence(tmp_path, url, said):
    """A wrong scheme, a store whose client or address is not there: exit 2 and the address."""
    done = copy(tmp_path).mlops("push", DVC_REMOTE_URL=url)
    assert 2 == done.returncode
    assert said in done.stderr
