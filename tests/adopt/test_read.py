"""From a file of somebody else's to a table: encodings, delimiters, headers, and what is refused."""

import gzip

import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from mlops.adopt import read
from mlops.errors import CannotRun

ROWS = "x,c,y\n1.5,a,yes\n2.5,b,no\n"
AS_READ = [("1.5", "a", "yes"), ("2.5", "b", "no")]


def table(path, target: str = "y") -> tuple[pl.DataFrame, list[str]]:
    """The whole table of a file, and what was said of it."""
    with read.opened(path, target) as (rows, words):
        return rows.collect(), words


@pytest.fixture
def parquet(tmp_path):
    """A function: columns -> a Parquet file."""

    def write(columns: dict) -> object:
        path = tmp_path / "t.parquet"
        pq.write_table(pa.table(columns), path)
        return path

    return write


def test_a_csv_file_is_text_that_is_not_yet_understood(written):
    """Every cell is the text that stands there."""
    frame, words = table(written(ROWS))
    assert (["x", "c", "y"], AS_READ, []) == (frame.columns, frame.rows(), words)
    assert [pl.String] * 3 == frame.dtypes


@pytest.mark.parametrize("delimiter", [";", "\t", "|", " "])
def test_a_delimiter_is_found_and_said(written, delimiter):
    """The one that gives all lines as many fields as the header has."""
    frame, words = table(written(ROWS.replace(",", delimiter)))
    assert AS_READ == frame.rows()
    assert [f"fields are separated by {delimiter!r}"] == words


@pytest.mark.parametrize(
    ("text", "width"),
    [
        ("x;z;y\n1,5;2,5;ja\n3,5;4,5;nein\n", 3),
        ("start,end\n2024-01-01 10:00:00,2024-01-02 10:00:00\n2024-01-03 10:00:00,2024-01-04 10:00:00\n", 2),
        ('x,y\n"a;b",1\n"c;d",2\n', 2),
        ("x,y\na|b,1\nc|d,2\n", 2),
    ],
    ids=["decimal commas", "blanks in times", "in quotes", "in one column"],
)
def test_a_sign_inside_values_is_no_delimiter(written, text, width):
    """A comma, blank or bar that the header does not have as often belongs to the values."""
    assert width == table(written(text))[0].width


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_lines_end_as_on_any_system(written, end):
    """Unix, Windows and old Macintosh."""
    assert AS_READ == table(written(ROWS.replace("\n", end)))[0].rows()


@pytest.mark.parametrize(
    ("encoding", "name", "said"),
    [
        ("utf-8", "Köln", []),
        ("utf-8-sig", "Köln", []),
        ("utf-16", "Köln", ["utf-16"]),
        ("cp1252", "Façade à côté de Köln", ["cp1252"]),
        ("cp1252", "5 €", ["cp1252"]),
        ("latin-1", "Århus", ["cp1252"]),
        ("cp1250", "Wrocław", ["cp1250"]),
        ("cp1251", "Казань", ["cp1251"]),
        ("mac-roman", "Köln-Mülheim", ["mac_roman"]),
        ("shift-jis", "大阪カタカナ", ["shift_jis"]),
        ("gb18030", "北京上海广州", ["gb18030"]),
    ],
)
def test_an_encoding_is_found_and_said(written, encoding, name, said):
    """The words come out as they were written, whatever the bytes."""
    frame, words = table(written(("x,c,y\n" + f"1.5,{name},yes\n" * 30).encode(encoding)))
    assert [name] == frame["c"].unique().to_list()
    assert [f"the file is {each}, read as such" for each in said] == words


def test_an_encoding_is_found_by_a_byte_late_in_the_file(written, monkeypatch):
    """All is plain English up to the last line: its umlaut is read as it was meant."""
    monkeypatch.setattr(read, "CHUNK", 2**12)
    frame, _ = table(
        written(("x,c,y\n" + "1.5,a,yes\n" * 9000 + "2.5,Zürich und Köln sind Städte,no\n").encode("cp1252"))
    )
    assert "Zürich und Köln sind Städte" == frame["c"][-1]


def test_a_first_line_of_data_is_no_header(written):
    """Columns without names are called by their place, and that is said."""
    frame, words = table(written("1.5,a,yes\n2.5,b,no\n"))
    assert (["column_1", "column_2", "column_3"], AS_READ) == (frame.columns, frame.rows())
    assert ["the file has no header: its columns are called column_1 to column_3"] == words


def test_a_first_line_that_has_the_target_is_a_header(written):
    """Even where a year is a column's name."""
    assert ["2019", "y"] == table(written("2019,y\n1.5,a\n2.5,b\n"))[0].columns


@pytest.mark.parametrize("target", ["pric", "Price", "pirce"])
def test_a_first_line_that_nearly_has_the_target_is_a_header(written, target):
    """Beside a year too, so that the right name can be proposed."""
    assert ["name", "2019", "price"] == table(written("name,2019,price\na,1.5,3\nb,2.5,4\n"), target)[0].columns


@pytest.mark.parametrize("target", ["column_3", "churn"])
def test_a_first_line_without_the_targets_like_is_data(written, target):
    """Also where one of its words looks like what columns without names are called."""
    assert ["column_1", "column_2", "column_3"] == table(written("1.5,column,3\n2.5,b,4\n"), target)[0].columns


def test_a_headless_file_with_a_byte_order_mark_keeps_its_first_cell(written):
    """The mark belongs to no value."""
    assert AS_READ == table(written("\ufeff1.5,a,yes\n2.5,b,no\n"))[0].rows()


def test_a_column_without_a_name_is_called_by_its_place(written):
    """As pandas writes an index."""
    frame, words = table(written(",y\n0,yes\n1,no\n"))
    assert ["column_1", "y"] == frame.columns
    assert ["1 columns without a name are called by their place"] == words


@pytest.mark.parametrize("name", ["*", "^.*$", "a.b[0]", "it's", "z" * 300, "yes", "~"])
def test_a_column_may_have_any_name(written, name):
    """No name is a pattern."""
    with read.opened(written(f"{name},y\n1,2\n3,4\n"), "y") as (rows, _):
        assert ["1", "3"] == read.column(rows, name).to_list()


@pytest.mark.parametrize(
    ("name", "kept"), [('"a\nb"', "a b"), ("  a   b ", "a b"), ("_key", "_key_"), ("_score", "_score_")]
)
def test_a_name_is_one_line_and_none_of_the_templates(written, parquet, name, kept):
    """Blanks and line ends become one blank; what `mlops compare` calls its own columns is given away."""
    assert [kept, "y"] == table(written(f"{name},y\n1,2\n3,4\n"))[0].columns
    assert [kept, "y"] == table(parquet({name.strip('"'): [1], "y": [2]}))[0].columns


def test_two_columns_of_one_name_are_refused(written, parquet):
    """Also where they differ by blanks only."""
    with pytest.raises(CannotRun, match=r"has 2 columns called 'a b': give each its own name"):
        table(written("a b,a  b,y\n1,2,3\n"))
    with pytest.raises(CannotRun, match=r"has 2 columns called 'a': give each its own name"):
        table(parquet({"a": [1], " a": [2], "y": [3]}))


@pytest.mark.parametrize(
    "text",
    [
        "\n\n" + ROWS,
        ROWS.replace("a,yes\n", "a,yes\n\n  \n,,\n"),
        ROWS.replace("1.5,a", " 1.5 ,  a"),
        ROWS.replace("c,y", "c , y"),
        'x,c,y\n"1.5","a",yes\n2.5,"b","no"\n',
    ],
    ids=["blank lines first", "empty rows", "blanks around values", "blanks around names", "quotes"],
)
def test_what_is_no_value_is_taken_away(written, text):
    """Blanks around names and values, empty lines and rows, quotes."""
    frame, _ = table(written(text))
    assert (["x", "c", "y"], AS_READ) == (frame.columns, frame.rows())


@pytest.mark.parametrize(
    ("text", "rows"),
    [
        ('x, c, y\n1, "5.5", 0\n2, 6.5, 1\n', [("1", "5.5", "0"), ("2", "6.5", "1")]),
        ('x,c,y\n1,  "u, v",0\n 2,w,1\n', [("1", "u, v", "0"), ("2", "w", "1")]),
        (' "x","c",y\r\n "1", "a ""b""",0\r\n\r\n2,,1\r\n', [("1", 'a "b"', "0"), ("2", None, "1")]),
        ('x;c;y\n1; "u; v";0\n2;"5, ""in""";1\n', [("1", "u; v", "0"), ("2", '5, "in"', "1")]),
        ('x,c,y\n1,"u, ""v""\n ""w""",0\n', [("1", 'u, "v"\n "w"', "0")]),
        ("x,c,y\n" + "1,a,0\n" * 300 + '2, "u, v",1\n', [*[("1", "a", "0")] * 300, ("2", "u, v", "1")]),
    ],
    ids=["a number", "a delimiter", "doubled quotes", "semicolons", "no blank outside", "late"],
)
def test_blanks_before_a_quote_are_no_value(written, text, rows):
    """What is in the quotes is the value, its delimiters with it; wherever the line stands."""
    frame, _ = table(written(text))
    assert (["x", "c", "y"], rows) == (frame.columns, frame.rows())


@pytest.mark.parametrize("cell", ['"u" v', '"u'], ids=["text after it", "not closed"])
def test_a_quote_after_blanks_that_does_not_end_a_value_is_refused(written, cell):
    """The sentence says where, and why."""
    with pytest.raises(CannotRun, match="a quote is not closed, or followed by text, near line 3 "):
        table(written(f"x,y\n1,2\n1, {cell}\n"))


def test_a_line_end_in_quotes_belongs_to_its_value(written):
    """In a value as in the header."""
    frame, _ = table(written('"x\n1",y\n"a\nb",1\n"c",2\n'))
    assert (["x 1", "y"], [("a\nb", "1"), ("c", "2")]) == (frame.columns, frame.rows())


@pytest.mark.parametrize("text", ["x,y\n1\n3,4\n", "x,y\n3,4\n1\n"], ids=["first", "later"])
def test_a_short_line_misses_its_last_values(written, text):
    """Wherever it stands."""
    assert [("1", None), ("3", "4")] == table(written(text))[0].sort("x").rows()


@pytest.mark.parametrize("head", ["x,y", "x,y,"])
def test_a_delimiter_at_the_end_of_each_line_is_an_empty_column(written, head):
    """Whether the header has it too or not."""
    assert [("1", "2", None), ("3", "4", None)] == table(written(f"{head}\n1,2,\n3,4,\n"))[0].rows()


def test_a_line_with_too_many_values_is_refused(written):
    """It cannot be known which of them is wrong."""
    with pytest.raises(CannotRun, match="are there lines with more fields than the header"):
        table(written("x,y\n" + "1,2\n" * 300 + "1,2,3\n"))


def test_a_quote_that_never_ends_is_refused(written):
    """It would swallow the file."""
    with pytest.raises(CannotRun, match="a quote is not closed"):
        table(written('x,y\n"1,2\n' + "3,4\n" * 60_000))


def test_a_name_with_brackets_is_no_pattern_for_files(written):
    """As a browser calls the second download."""
    assert AS_READ == table(written(ROWS, "t[1].csv"))[0].rows()


def test_a_parquet_file_keeps_its_types(parquet):
    """What is typed need not be guessed."""
    frame, words = table(parquet({"x": [1.5], "b": [True], "y": [1]}))
    assert ([pl.Float64, pl.Boolean, pl.Int64], []) == (frame.dtypes, words)


@pytest.mark.parametrize("cell", [[1, 2], {"a": 1}, b"bytes"], ids=["list", "struct", "bytes"])
def test_a_cell_that_holds_a_table_is_refused(parquet, cell):
    """The sentence names the column and what it holds."""
    with pytest.raises(
        CannotRun, match=r"column 'x' of '.*' holds .*: give each cell one number, text, date or boolean"
    ):
        table(parquet({"x": [cell], "y": [1]}))


def test_a_broken_parquet_file_is_refused(parquet):
    """Half of it at once, and broken bytes where they are read."""
    path = parquet({"x": [1.5] * 100, "y": [1] * 100})
    data = path.read_bytes()
    path.write_bytes(data[:20] + b"\xff" * 40 + data[60:])
    with pytest.raises(CannotRun, match=r"column 'x' cannot be read \("), read.opened(path, "y") as (rows, _):
        read.column(rows, "x")
    path.write_bytes(data[: len(data) // 2])
    with pytest.raises(CannotRun, match="is no readable Parquet file"):
        table(path)


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (b"", "an empty file"),
        (b"\n \n,,\n", "in which every line is empty"),
        (gzip.compress(ROWS.encode()), "an archive or spreadsheet: save it as CSV or Parquet first"),
        (b"PK\x03\x04rest", "an archive or spreadsheet"),
        (b"x,y\n1,\x002\n", "holds zero bytes"),
        (bytes(range(1, 256)) * 50, "in no encoding that is known here: save it as UTF-8"),
    ],
    ids=["empty", "blank", "gzip", "xlsx", "zeros", "junk"],
)
def test_a_file_that_is_no_table_is_refused(written, content, why):
    """One sentence that says what it is."""
    with pytest.raises(CannotRun, match=why):
        table(written(content))


def test_a_header_that_begins_like_an_archive_is_a_header(written):
    """PK is what a primary key is called."""
    assert ["PK", "y"] == table(written("PK,y\n1,2\n3,4\n"))[0].columns


def test_a_path_that_is_no_file_is_refused(tmp_path):
    """A folder, and a name that is not there."""
    with pytest.raises(CannotRun, match="a folder: name one CSV or Parquet file"):
        table(tmp_path)
    with pytest.raises(CannotRun, match="which is not there: name a CSV or Parquet file"):
        table(tmp_path / "none.csv")
