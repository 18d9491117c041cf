"""What one column is taken for, and what is said of it."""

import datetime as dt
from decimal import Decimal

import polars as pl
import pytest

from mlops.adopt.columns import Found, understand
from mlops.adopt.numerals import sentinel
from mlops.contract import EXACT


def understood(*values, name: str = "x", times: int = 40, dtype=None, **told) -> Found:
    """What a column is of which these values stand there `times` times."""
    return understand(pl.Series(name, list(values) * times, dtype=dtype), **told)


@pytest.mark.parametrize(
    ("values", "kind", "first"),
    [
        (("1", "2", "30"), "integer", 1),
        (("1.0", "2.0", "3"), "integer", 1),
        (("1.5", "2", "-3e2"), "number", 1.5),
        ((".5", "5.", "+3"), "number", 0.5),
        (("red", "green", "blue"), "category", "red"),
        (("01067", "12345", "99999"), "category", "01067"),
        (("5'11\"", "6'1\"", "5'2\""), "category", "5'11\""),
        (("12:30", "13:45", "9:15"), "category", "12:30"),
        ((1, 2, None), "integer", 1),
        ((1.5, 2.0, None), "number", 1.5),
        ((True, False, None), "boolean", True),
        ((Decimal("1.5"), Decimal("2.25")), "number", 1.5),
        ((dt.date(2024, 1, 31), dt.date(2023, 1, 1)), "date", dt.datetime(2024, 1, 31)),
        ((dt.time(1), dt.time(2)), "category", "01:00:00"),
        ((dt.timedelta(hours=1), dt.timedelta(seconds=1.5)), "number", 3600.0),
    ],
)
def test_a_column_is_what_its_values_are(values, kind, first):
    """Texts are read as what they say; what is typed already stays so."""
    found = understood(*values)
    assert (kind, first) == (found.kind, found.values[0])


@pytest.mark.parametrize(
    ("yes", "no"),
    [
        ("Yes", "No"),
        ("y", "n"),
        ("TRUE", "false"),
        ("T", "F"),
        ("on", "off"),
        ("Ja", "Nein"),
        ("oui", "non"),
        ("sí", "no"),
    ],
)
def test_a_boolean_is_read_in_every_spelling(yes, no):
    """And its spelling is said."""
    found = understood(yes, no, "")
    assert ("boolean", [True, False, None]) == (found.kind, found.values[:3].to_list())
    assert [f"{', '.join(map(repr, sorted((yes, no))))} read as true and false"] == found.why


@pytest.mark.parametrize("values", [("yes", "no", "maybe"), ("yes", "off"), ("m", "f"), ("0", "1")])
def test_what_is_no_pair_of_answers_is_no_boolean(values):
    """A third word, words of two pairs, numbers."""
    assert understood(*values).kind in ("category", "integer")


@pytest.mark.parametrize(
    ("values", "first"),
    [
        (("2024-01-31", "2023-12-01"), dt.datetime(2024, 1, 31)),
        (("31.01.2024", "01.12.2023"), dt.datetime(2024, 1, 31)),
        (("01/31/2024", "12/01/2023"), dt.datetime(2024, 1, 31)),
        (("31/01/2024", "01/12/2023"), dt.datetime(2024, 1, 31)),
        (("20240131", "20231201"), dt.datetime(2024, 1, 31)),
        ((20240131, 20231201), dt.datetime(2024, 1, 31)),
        (("Jan 31, 2024", "Dec 01, 2023"), dt.datetime(2024, 1, 31)),
        (("2024-01", "2023-12"), dt.datetime(2024, 1, 1)),
        (("2024-01-31 13:05:00", "2023-12-01 00:00:00"), dt.datetime(2024, 1, 31, 13, 5)),
        (("2024-01-31T13:05:00.5Z", "2023-12-01T00:00:00Z"), dt.datetime(2024, 1, 31, 13, 5, 0, 500000)),
        (("2024-01-31 13:05:00+02:00", "2023-12-01 00:00:00+01:00"), dt.datetime(2024, 1, 31, 11, 5)),
        (("2024-01-31 1:05 PM", "2023-12-01 11:00 AM"), dt.datetime(2024, 1, 31, 13, 5)),
    ],
)
def test_a_date_is_read_in_every_spelling(values, first):
    """Without a zone: what has one is moved to UTC."""
    found = understood(*values)
    assert ("date", first) == (found.kind, found.values[0])
    assert pl.Datetime("us") == found.values.dtype


def test_a_time_with_a_zone_is_moved_to_utc():
    """As Parquet keeps it."""
    zone = pl.Series("x", [dt.datetime(2024, 7, 1), dt.datetime(2024, 7, 2)]).dt.replace_time_zone("Europe/Berlin")
    assert dt.datetime(2024, 6, 30, 22) == understand(zone).values[0]


def test_a_date_that_could_be_another_is_said():
    """The second of January, or the first of February."""
    assert ["month first, then day: no value says which it is"] == understood("01/02/2023", "03/04/2023").why
    assert [] == understood("13/02/2023", "03/04/2023").why


def test_a_few_texts_among_dates_are_missing():
    """One in a hundred; more, and they are no dates."""
    dates = ["2024-01-31", "2024-02-01"] * 200
    assert ("date", ["no date in 1 rows, read as missing"]) == _kind_and_why([*dates, "2024-02-31"])
    assert "category" == _kind_and_why([*dates, *["unknown"] * 20])[0]


def _kind_and_why(values: list) -> tuple[str, list[str]]:
    found = understand(pl.Series("x", values))
    return found.kind, found.why


@pytest.mark.parametrize(
    ("values", "kind", "first", "why"),
    [
        (("1.234,56", "3,5"), "number", 1234.56, "decimal comma"),
        (("0,123", "1,234"), "number", 0.123, "decimal comma"),
        (("1,234", "12,5"), "number", 1.234, "decimal comma"),
        (("1,234", "12,500", "950"), "integer", 1234, "thousands separators"),
        (("$1,200.50", "$ 3"), "number", 1200.5, "currency"),
        (("12.5%", "3%"), "number", 12.5, "per cent"),
        (("366,56 €", "100 €"), "number", 366.56, "currency"),
        (("€ 180,92", "€ 3"), "number", 180.92, "currency"),
        (("180,92€", "-5€"), "number", 180.92, "currency"),
        (("180,92 EUR", "1.180,9 EUR"), "number", 180.92, "currency"),
        (("7,9 %", "5 %"), "number", 7.9, "per cent"),
        (("180.92 €", "5 €"), "number", 180.92, "currency"),
        (("-$1,180.92", "$3"), "number", -1180.92, "currency"),
        (("chf 5.60", "chf 1"), "number", 5.6, "currency"),
        (("100 €", "5 €"), "integer", 100, "currency"),
    ],
)
def test_a_number_is_read_as_people_write_it(values, kind, first, why):
    """Three digits after every comma are thousands, fewer a fraction; what was taken for what is said."""
    found = understood(*values)
    assert (kind, first) == (found.kind, found.values[0])
    assert why in found.why[0]


@pytest.mark.parametrize("values", [("EUR", "USD"), ("europe", "usda"), ("5 €/h", "6 €/h"), ("5 pounds", "6 pounds")])
def test_a_word_of_money_is_no_number(values):
    """Its signs stand before or behind a number and nothing else."""
    assert "category" == understood(*values).kind


def test_money_of_two_kinds_is_a_persons_to_decide():
    """It is read as of one, and asked about; of one kind nothing is."""
    found = understood("5 EUR", "6 USD", "7 usd")
    assert ("integer", [5, 6, 7]) == (found.kind, found.values[:3].to_list())
    assert "EUR, USD read as one unit" == found.why[-1]
    assert found.decide[0].startswith("'x': EUR, USD read as one unit.")
    assert [] == understood("5 EUR", "6 eur").decide


@pytest.mark.parametrize(
    ("values", "decimal", "kind", "read"),
    [
        (("950", "1.200", "12.500"), ",", "integer", [950, 1200, 12500]),
        (("950", "1.200", "12.500"), ".", "number", [950, 1.2, 12.5]),
        (("950", "1,234", "12,500"), ",", "number", [950, 1.234, 12.5]),
        (("950", "1,234", "12,500"), ".", "integer", [950, 1234, 12500]),
        (("1.5", "1.234", "2"), ",", "number", [1.5, 1.234, 2]),
        (("1,5", "1,234", "2"), ".", "number", [1.5, 1.234, 2]),
        (("0.123", "1.234", "2"), ",", "number", [0.123, 1.234, 2]),
        (("1.234.567", "1.234", "2"), ".", "integer", [1234567, 1234, 2]),
    ],
)
def test_the_files_decimal_sign_counts_where_a_column_does_not_tell(values, decimal, kind, read):
    """Where it tells, its own; there is nothing to ask."""
    found = understood(*values, decimal=decimal)
    assert (kind, read, []) == (found.kind, found.values[:3].to_list(), found.decide)


@pytest.mark.parametrize(("values", "this", "other"), [(("950", "1.200"), 1.2, 1200), (("950", "1,200"), 1200, 1.2)])
def test_a_decimal_sign_that_nothing_tells_is_a_persons_to_decide(values, this, other):
    """The sentence says what was read, and what it could be."""
    found = understood(*values)
    sentence = f"'{values[1]}' read as {this}, not as {other}: nothing in the file tells which"
    assert (this, sentence) == (found.values[1], found.why[-1])
    assert [f"'x': {sentence}"] == [each.split(". If")[0] for each in found.decide]


@pytest.mark.parametrize("marker", ["?", "NA", "N/A", "#N/A", "nan", "NULL", "<NA>", "NaT"])
def test_a_marker_of_missing_values_is_missing(marker):
    """Among numbers, words, dates and booleans; and it is said."""
    for other in ("1.5", "red", "2024-01-31", "yes"):
        found = understand(
            pl.Series("x", [other, f"{other}", marker, " " + marker + " ", "2.5" if other == "1.5" else "no"])
        )
        assert [None, None] == found.values[2:4].to_list()
        assert f"{marker!r} in 2 rows read as missing" == found.why[0]


@pytest.mark.parametrize("word", ["null point", "n", "?!", "None", "-", ""])
def test_a_word_is_missing_only_where_all_else_is_a_number(word):
    """Among other words it is a word; a blank is always missing."""
    assert ("integer", None) == (lambda found: (found.kind, found.values[0]))(
        understand(pl.Series("x", [word, *map(str, range(40))]))
    )
    words = understand(pl.Series("x", [word, "red", "green"]))
    assert ("category", word or None) == (words.kind, words.values[0])


def test_a_text_in_one_row_of_numbers_is_missing():
    """And it is said; of many different ones the column is text."""
    numbers = [f"{each}.5" for each in range(200)]
    assert ("number", ["'oops' in 1 rows read as missing: all else is a number"]) == _kind_and_why(["oops", *numbers])
    assert "category" == _kind_and_why(["four", "different", "words", "here", *numbers])[0]
    assert "category" == _kind_and_why(["many"] * 40 + numbers)[0]


@pytest.mark.parametrize("value", [-9, -999, -9999999, 99, 999, 99999])
def test_a_number_far_from_all_others_stands_for_missing(value):
    """Nines, repeated, far away; and it is said, and asked."""
    found = understood(value, 1, 2, 3)
    sentence = f"{value} in 40 rows read as missing: it is far from all other values"
    assert ("integer", None, [sentence]) == (found.kind, found.values[0], found.why)
    assert [f"'x': {sentence}"] == [each.split(". ")[0] for each in found.decide]


def test_the_target_loses_no_number():
    """Where it is said that none stands for missing."""
    found = understood(-999, 1, 2, 3, sentinels=False)
    assert (-999, [], []) == (found.values[0], found.why, found.decide)


@pytest.mark.parametrize(
    "values",
    [
        (-999, *range(-500, 500)),
        (99, *range(100)),
        (-1, 0, 1),
        (1000, 1, 2, 3),
        (0, 99),
        (99999, *range(0, 41310, 400)),
        (999, *range(90)),
        (-10, *range(9)),
        (-1, -0.3, 0, 0.1),
    ],
    ids=[
        "near the others",
        "one of them",
        "minus one",
        "no nines",
        "one of two",
        "a gain",
        "ten times",
        "minus ten",
        "a correlation",
    ],
)
def test_a_number_like_the_others_is_a_number(values):
    """What could have been measured is left alone."""
    assert sentinel(pl.Series(list(values) * 2, dtype=pl.Float64)) is None


def test_a_number_that_stands_there_once_is_a_number():
    """A marker is repeated."""
    assert sentinel(pl.Series([-999.0, *map(float, range(1000))])) is None


@pytest.mark.parametrize("value", [float("inf"), float("-inf"), 1e39])
def test_what_is_infinite_to_a_model_is_missing(value):
    """Also a number that float32 cannot hold; and it is said."""
    found = understood(value, 1.5, 2.5)
    assert [None, 1.5, 2.5] == found.values[:3].to_list()
    assert ["infinite in 40 rows, read as missing"] == found.why


def test_what_is_no_number_is_missing_without_a_word():
    """NaN is how floats say so."""
    found = understood(float("nan"), 1.0, 2.0)
    assert ("integer", [None, 1, 2], []) == (found.kind, found.values[:3].to_list(), found.why)


@pytest.mark.parametrize(
    "name",
    [
        *("zip", "home_zip", "postcode", "Status", "jobType", "region code", "store_id", "customerId", "apiKey"),
        *(
            "subject#",
            "Subject",
            "storeNumber",
            "Store",
            "user_no",
            "patient nr",
            "household",
            "the_customer",
            "Room #",
        ),
    ],
)
def test_whole_numbers_are_codes_where_the_name_says_so(name):
    """They are categories then, kept as they are written; and it is said."""
    found = understood(1, 2, 3, name=name)
    assert ("category", "1", True) == (found.kind, found.values[0], found.numbers_as_codes)
    assert "whole numbers whose column's name says" in found.why[0]


MEASURED = ("history", "accuser", "restore", "persons", "workshop", "customer_age", "household_size", "accountBalance")


@pytest.mark.parametrize("name", ["amount", "paid", "covid", "grid", "prototype", "rooms", "yes_no", *MEASURED])
def test_whole_numbers_count_where_the_name_does_not_say_code(name):
    """Not every word that ends in id names something."""
    assert "integer" == understood(1, 2, 3, name=name).kind


def test_many_whole_numbers_are_no_codes_but_for_ids():
    """A type of more than fifty values is a number after all."""
    assert "integer" == understood(*range(60), name="type").kind
    assert "category" == understood(*range(60), name="store_id").kind


@pytest.mark.parametrize(
    "values",
    [
        ("9007199254740993", "9007199254740992"),
        ("12345678901234567890", "12345678901234567891"),
        (2**63 + 1, 2**63),
        (EXACT + 1, EXACT + 2),
    ],
)
def test_numbers_beyond_float32_are_codes_to_the_last_digit(values):
    """Two ids that differ stay two."""
    found = understood(*values, dtype=pl.UInt64 if values[0] == 2**63 + 1 else None)
    assert ("category", [str(value) for value in values]) == (found.kind, found.values[:2].to_list())
    assert found.numbers_as_codes
    assert "codes" in found.why[0]


@pytest.mark.parametrize(
    ("odd", "kind", "why"),
    [
        ("07", "integer", ["zeros in front dropped in 1 rows: too few for codes"]),
        ("1234567890123456789", "number", []),
        ("12345678901234567890", "number", []),
        ("16777217", "number", []),
    ],
)
def test_a_few_numbers_like_codes_among_many_are_numbers(odd, kind, why):
    """The column keeps its values."""
    found = understand(pl.Series("x", [odd, *map(str, range(2999))]))
    assert (kind, float(odd), why) == (found.kind, found.values[0], found.why)


@pytest.mark.parametrize(
    "values",
    [
        (["07", *map(str, range(19))]),
        (["07", *map(str, range(10, 99))]),
        (["1234567890123456789", *map(str, range(19))]),
    ],
    ids=["one of twenty", "one width", "one long one of twenty"],
)
def test_a_share_of_numbers_like_codes_makes_codes(values):
    """So does one width of all; they are kept as they are written."""
    found = understand(pl.Series("x", values))
    assert ("category", values) == (found.kind, found.values.cast(pl.String).to_list())


def test_the_largest_whole_number_of_float32_is_a_number():
    """Up to there it can count."""
    assert "integer" == understood(EXACT, 1, 2).kind


def test_a_column_without_values_is_empty():
    """Whatever stands for missing; and it is said."""
    for found in (understood("?", "", None), understood(None, dtype=pl.Null), understood(float("nan"), float("inf"))):
        assert "empty" == found.kind
        assert "every value is missing" == found.why[-1]


def test_a_column_of_one_value_is_constant():
    """A long one is cut where it is said."""
    found = understood("x" * 100)
    assert ("constant", [f"every value is the same ({'x' * 39}…)"]) == (found.kind, found.why)
    assert "constant" == understood("2024-01-31").kind


def test_unique_says_whether_each_row_has_a_value_of_its_own():
    """A missing one is none."""
    assert understand(pl.Series("x", ["a", "b", "c"])).unique
    assert not understand(pl.Series("x", ["a", "b", "b"])).unique
    assert not understand(pl.Series("x", ["a", "b", None])).unique


def test_a_dictionary_is_text():
    """As Parquet keeps categories."""
    assert "category" == understood("a", "b", dtype=pl.Enum(["a", "b"])).kind
    assert "boolean" == understood("yes", "no", dtype=pl.Categorical).kind
