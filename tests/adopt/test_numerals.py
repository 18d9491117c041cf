"""Numbers as people write them are read as they meant them."""

import polars as pl
import pytest

from mlops.adopt.numerals import bare, decimal_sign, parsed, plain, sentinel, told


@pytest.mark.parametrize(
    ("columns", "delimiter", "sign"),
    [
        ([("1.200", "950"), ("180,92", "3")], ",", ","),
        ([("1.200", "950"), ("180,92 €", "3 €")], ",", ","),
        ([("1,200", "950"), ("180.92", "3")], ",", "."),
        ([("1.234.567", "1.200")], ",", ","),
        ([("1234,567", "2")], ",", ","),
        ([("0.123", "2")], ",", "."),
        ([("1,200", "950")], ";", ","),
        ([("0.9978", "12.5")], ";", "."),
        ([("0.9978", "12.5"), ("180,92", "3")], ";", ","),
        ([("0.9978", "12.5"), ("180,92", "3")], ",", ""),
        ([("1,200", "950"), ("1.200", "n.a.")], ",", ""),
        ([("31.12.2024", "01.01.2024"), ("01.2024", "12.2024"), ("1,2", "1,2,3"), ("09.30", "10.45")], "\t", ""),
        ([("1,5 x", "2,5 x"), (1.5, 2.5)], "", ""),
    ],
)
def test_a_files_decimal_sign_is_what_can_be_read_one_way_only(columns, delimiter, sign):
    """In any of its texts, else as a semicolon tells; not where columns differ, nor by dates, times or words."""
    assert sign == decimal_sign([pl.Series("x", [*each, None]) for each in columns], delimiter)


@pytest.mark.parametrize(
    ("values", "sign"),
    [
        (["1,5", "2,25"], ","),
        (["1.5", "2"], "."),
        (["1.234,5"], ","),
        (["1,234.5"], "."),
        (["1.200"], ""),
        (["1,200"], ""),
        (["12"], ""),
        (["a,b"], ""),
    ],
)
def test_a_column_tells_its_sign_where_it_can_be_read_one_way_only(values, sign):
    """Three digits after the only sign may be thousands or thousandths."""
    assert sign == told(pl.Series(values))


@pytest.mark.parametrize(
    ("written", "sign", "meant"),
    [
        ("366,56 €", ",", 366.56), ("€ 180,92", ",", 180.92), ("7,9 %", ",", 7.9), ("1.234,5 EUR", ",", 1234.5), ("-$1,180.92", ".", -1180.92),
        ("5.6%", ".", 5.6), ("12.500", ",", 12500.0), ("12.500", ".", 12.5), ("31.12.2024", ",", None), ("EURO 5", ".", None),
    ],
)  # fmt: skip
def test_a_written_number_is_read_under_its_sign(written, sign, meant):
    """Units go, thousands close up; what is none is missing."""
    assert [meant] == parsed(plain(pl.Series([written]), sign)).to_list()


def test_units_are_taken_away_at_either_end():
    """Other words stay."""
    assert ["5", "5", "-5", "fine", "5 km"] == bare(pl.Series(["5 €", "CHF 5", "-$5", "fine", "5 km"])).to_list()


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ([-999.0] * 5 + [1.0, 2.0, 3.0] * 30, -999.0),
        ([99999.0] * 5 + [1.0, 2.0, 3.0] * 30, 99999.0),
        ([99999.0] * 5 + [0.0, 2000.0, 41310.0] * 30, None),
        ([99.0] * 5 + [20.0, 40.0, 89.0] * 30, None),
        ([-10.0] * 5 + [0.0, 4.0, 8.0] * 30, None),
        ([-999.0] + [1.0, 2.0, 3.0] * 30, None),
    ],
)
def test_a_number_stands_for_missing_where_it_is_far_from_all_others(values, expected):
    """Nines, repeated, far away; a top code and a tenth below zero are values."""
    assert expected == sentinel(pl.Series(values))
