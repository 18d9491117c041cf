"""The population stability index: as it is published, and about 0 where nothing differs."""

import math

import numpy as np
import pytest

from mlops.psi import null_mean, psi, raw


def test_the_index_is_the_sum_over_bins():
    """(q - p) ln(q / p), with half a row added to each bin."""
    shares = [(100.5 / 201, 50.5 / 201), (100.5 / 201, 150.5 / 201)]
    assert pytest.approx(sum((q - p) * math.log(q / p) for p, q in shares)) == raw([100, 100], [50, 150])


def test_equal_shares_have_an_index_of_zero_before_the_null_mean_is_taken_off():
    """However many bins, and also where some are empty."""
    assert 0 == raw([10, 20, 0, 70], [10, 20, 0, 70])


def test_what_is_taken_off_grows_with_bins_and_shrinks_with_rows():
    """(B - 1)(1/n + 1/N) of Yurdakul."""
    expected, found = [10, 10, 10], [90, 100, 110]
    assert pytest.approx(2 * (1 / 30 + 1 / 300)) == null_mean(expected, found)
    assert raw(expected, found) - null_mean(expected, found) == psi(expected, found)


def test_an_empty_bin_has_an_index():
    """A number, also where all rows of one side are in a bin that the other has none in."""
    assert 5 < psi([1000, 0], [0, 1000]) < 20


def test_two_samples_of_one_distribution_have_an_index_of_zero_on_average():
    """Though before the null mean is taken off it is 0.05: 200 rows in ten bins."""
    random = np.random.default_rng(0)
    drawn = [[random.multinomial(rows, [0.1] * 10).tolist() for rows in (5000, 200)] for _ in range(500)]
    assert pytest.approx(0.047, abs=0.005) == np.mean([raw(*each) for each in drawn])
    assert pytest.approx(0, abs=0.005) == np.mean([psi(*each) for each in drawn])


def test_histograms_over_other_bins_are_refused():
    """Nothing says which bin is which."""
    with pytest.raises(ValueError, match="shorter"):
        psi([1, 2, 3], [1, 2])
