"""A user's file as a table of text or typed columns: encoding, delimiter and header found, nothing yet understood."""

import codecs
import csv
import re
from collections import Counter
from contextlib import contextmanager
from difflib import get_close_matches
from itertools import islice, takewhile
from mmap import ACCESS_READ, mmap
from pathlib import Path
from tempfile import TemporaryDirectory

import polars as pl
from polars import selectors as cs

from mlops.errors import CannotRun

DELIMITERS = (
    "\t",
    ";",
    "|",
    ",",
    " ",
)  # the first that fits: a comma is often a decimal one, a blank often between words
LOOKED_AT = 200  # lines from which delimiter and header are told
CHUNK = 2**22
EUROPE, OTHERS = ("cp1252", "latin_1", "cp1250"), ("cp1251", "mac_roman", "shift_jis", "gb18030")
EASTERN = re.compile(r"[^\W\d_][¹³¿][^\W\d_]|£[^\W\d_]")  # Polish and Czech, read as Western Europe's
CONTROL = re.compile(rb"[\0-\x08\x0e-\x1f]")
TAKEN = ("_key", "_score")  # columns that `mlops compare` adds
PACKED = (
    b"PK\x03\x04",
    b"\xd0\xcf\x11\xe0",
    b"\x1f\x8b",
    b"BZh",
    b"\xfd7zX",
    b"7z\xbc\xaf",
    b"\x28\xb5\x2f\xfd",
    b"Rar!",
)
SEPARATED = "fields are separated by {!r}"
NUMBER = re.compile(r"[-+]?[\d.,]*\d[\d.,]*(e[-+]?\d+)?%?", re.I)


@contextmanager
def opened(path: Path, target: str):
    """Yield the table of a CSV or Parquet file, to be collected a column at a time, and what was decided on the way.

    Columns of a CSV file are text, blanks around values and empty rows taken away. Raises CannotRun with one sentence where
    the file is missing, empty, no table, has two columns of one name, or cells that are tables themselves.
    """
    if path.is_dir():
        raise CannotRun(f"DATA is '{path}', a folder: name one CSV or Parquet file")
    if not path.is_file():
        raise CannotRun(f"DATA is '{path}', which is not there: name a CSV or Parquet file")
    magic = _magic(path)
    if magic == b"PAR1":
        yield _parquet(path), []
        return
    if magic.startswith(PACKED):
        raise CannotRun(f"DATA is '{path}', an archive or spreadsheet: save it as CSV or Parquet first")
    with TemporaryDirectory() as folder, _utf8(path) as (text, encoding):
        words = _csv(text, path, target, Path(folder) / "table.parquet")
        said = [f"the file is {encoding}, read as such"] * (encoding != "utf-8")
        yield pl.scan_parquet(Path(folder) / "table.parquet"), said + words


def column(rows: pl.LazyFrame, name: str) -> pl.Series:
    """Return one column of the table of `opened`; raises CannotRun where its bytes are broken."""
    try:
        return rows.select(cs.by_name(name)).collect()[name]
    except pl.exceptions.PolarsError as error:
        raise CannotRun(f"column '{name}' cannot be read ({_first(error)}): write the file anew") from None


def _magic(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            found = file.read(4)
    except OSError as error:
        raise CannotRun(f"DATA is '{path}', which cannot be read ({error.strerror})") from None
    if not found:
        raise CannotRun(f"DATA is '{path}', an empty file")
    return found


def _parquet(path: Path) -> pl.LazyFrame:
    try:
        frame = pl.scan_parquet(path, glob=False)
        schema = frame.collect_schema()
    except (pl.exceptions.PolarsError, OSError) as error:
        raise CannotRun(f"DATA is '{path}', which is no readable Parquet file ({_first(error)})") from None
    nested = [name for name, kind in schema.items() if kind.is_nested() or kind in (pl.Binary, pl.Object)]
    if nested:
        raise CannotRun(
            f"column '{nested[0]}' of '{path}' holds {schema[nested[0]]}: give each cell one number, text, date or boolean"
        )
    new = _tidied(schema.names(), path)
    return frame.rename({old: name for old, name in zip(schema.names(), new, strict=True) if old != name})


@contextmanager
def _utf8(path: Path):
    """Yield a path to the same text in UTF-8, and the encoding that it had."""
    encoding = _encoding(path)
    if encoding in ("utf-8", "utf-8-sig"):
        yield path, "utf-8"
        return
    with TemporaryDirectory() as folder:
        text = Path(folder) / "table.csv"
        with (
            path.open(encoding=encoding, errors="replace", newline="") as old,
            text.open("w", encoding="utf-8", newline="") as new,
        ):
            while chunk := old.read(CHUNK):
                new.write(chunk)
        yield text, encoding


def _encoding(path: Path) -> str:
    from charset_normalizer import from_bytes

    at = _no_utf8(path)
    if at is None:
        return "utf-8"
    with path.open("rb") as file:
        start = file.read(2)
        file.seek(max(0, at - CHUNK // 8))
        sample = file.read(CHUNK // 4)
    if start in (b"\xff\xfe", b"\xfe\xff"):
        return "utf-16"
    found = from_bytes(sample, cp_isolation=[*EUROPE, *OTHERS]).best()
    if found is not None and found.encoding in OTHERS:
        return found.encoding
    few = sum(byte > 127 for byte in sample) < 0.3 * len(sample)
    if CONTROL.search(sample) or (found is None and not few):
        raise CannotRun(f"DATA is '{path}', in no encoding that is known here: save it as UTF-8")
    return "cp1250" if EASTERN.search(sample.decode("cp1252", "replace")) else "cp1252"


def _no_utf8(path: Path) -> int | None:
    """Return about where the first byte stands that is no UTF-8, None where all are; raises CannotRun for zero bytes."""
    decoder = codecs.getincrementaldecoder("utf-8")()
    with path.open("rb") as file:
        while chunk := file.read(CHUNK):
            try:
                text = decoder.decode(chunk, final=len(chunk) < CHUNK)
            except UnicodeDecodeError as error:
                return file.tell() - len(chunk) + error.start
            if "\0" in text:
                raise CannotRun(f"DATA is '{path}', which holds zero bytes: it is no text, give a CSV or Parquet file")
    return None


def _csv(path: Path, shown: Path, target: str, to: Path) -> list[str]:
    """Write the rows as Parquet to `to`, a piece at a time, and return what was decided."""
    delimiter = _delimiter(path)
    lines = _rows(path, delimiter)
    if not lines:
        raise CannotRun(f"DATA is '{shown}', in which a quote is not closed")
    blank = len(list(takewhile(lambda row: not any(row), lines)))
    first = [row for row in lines if any(row)]
    if not first:
        raise CannotRun(f"DATA is '{shown}', in which every line is empty")
    if _blank_before_quote(path, delimiter):
        path = _rewritten(path, shown, delimiter, to.with_suffix(".csv"))
    names, headless, words = _names(first, shown, target)
    try:
        rows = pl.scan_csv(
            path,
            separator=delimiter,
            has_header=False,
            skip_rows=blank + (not headless),
            schema=dict.fromkeys(names, pl.String),
            missing_columns="insert",
            raise_if_empty=False,
            eol_char=_line_end(path),
            glob=False,
        )
        every = pl.all().str.strip_chars()
        rows = rows.with_columns(pl.when(every != "").then(every).name.keep())
        rows.filter(~pl.all_horizontal(pl.all().is_null())).sink_parquet(to, compression="lz4")
    except pl.exceptions.PolarsError as error:
        raise CannotRun(
            f"'{shown}' cannot be read as a table ({_first(error)}): are there lines with more fields than the header, or a quote that is not closed?"
        ) from None
    return words + ([SEPARATED.format(delimiter)] if delimiter != "," else [])


def _blank_before_quote(path: Path, delimiter: str) -> bool:
    """Whether some field begins with blanks and a quote, which Polars takes for part of the value."""
    with path.open("rb") as file, mmap(file.fileno(), 0, access=ACCESS_READ) as data:
        return data.find(b' "') >= 0 and bool(re.search(rb'(?:\A|[\r\n]|%s) +"' % re.escape(delimiter.encode()), data))


def _rewritten(path: Path, shown: Path, delimiter: str, to: Path) -> Path:
    """Write the same rows to `to` without blanks before quotes; raises CannotRun where quotes cannot be told from values."""
    with path.open(encoding="utf-8-sig", newline="") as old, to.open("w", encoding="utf-8", newline="") as new:
        rows = csv.reader(old, delimiter=delimiter, skipinitialspace=True, strict=True)
        try:
            csv.writer(new, delimiter=delimiter, lineterminator="\n").writerows(rows)
        except csv.Error as error:
            raise CannotRun(
                f"DATA is '{shown}', in which a quote is not closed, or followed by text, near line {rows.line_num:,} ({error}): "
                "write quotes inside a value twice"
            ) from None
    return to


def _line_end(path: Path) -> str:
    with path.open(encoding="utf-8", newline="") as file:
        start = file.read(CHUNK)
    return "\r" if "\r" in start and "\n" not in start else "\n"


def _rows(path: Path, delimiter: str) -> list[list[str]]:
    with path.open(encoding="utf-8-sig", newline="") as file:
        lines = islice(csv.reader(file, delimiter=delimiter, skipinitialspace=True), LOOKED_AT)
        try:
            return [[cell.strip() for cell in row] for row in lines]
        except csv.Error:  # a cell longer than csv's limit: its quote never ends
            return []


def _delimiter(path: Path) -> str:
    """Return the first delimiter that gives the header and nearly all other lines the same number of fields."""
    return next((delimiter for delimiter in DELIMITERS if _fits([row for row in _rows(path, delimiter) if row])), ",")


def _fits(rows: list[list[str]]) -> bool:
    width = len(rows[0]) if rows else 0
    same = sum(len(row) == width or _ends_empty(row, width) for row in rows)
    return width > 1 and same >= 0.9 * len(rows)


def _ends_empty(row: list[str], width: int) -> bool:
    """Whether a line ends in a delimiter that the header does not have."""
    return len(row) == width + 1 and not row[-1]


def _names(first: list[list[str]], path: Path, target: str) -> tuple[list[str], bool, list[str]]:
    """Return the columns' names, and whether the file has no header: then they are column_1, column_2, ..."""
    header = first[0] + [""] * any(_ends_empty(row, len(first[0])) for row in first)
    if target not in header and _is_data(header, first[1:]) and not _meant(target, header):
        names = [f"column_{place}" for place in range(1, len(header) + 1)]
        return names, True, [f"the file has no header: its columns are called column_1 to column_{len(names)}"]
    empty = header.count("")
    return _tidied(header, path), False, [f"{empty} columns without a name are called by their place"] * bool(empty)


def _meant(target: str, header: list[str]) -> bool:
    """Whether one of these words is a target that somebody misspelt; column_1 is the first of a file without a header."""
    words = [cell.lower() for cell in header if not NUMBER.fullmatch(cell)]
    return not re.fullmatch(r"column_\d+", target) and bool(get_close_matches(target.lower(), words, 1, 0.75))


def _tidied(names: list[str], path: Path) -> list[str]:
    """Return names on one line, none empty and none that the template needs for itself; raises CannotRun where two are equal."""
    plain = [" ".join(name.split()) or f"column_{place}" for place, name in enumerate(names, 1)]
    found = [f"{name}_" if name in TAKEN else name for name in plain]
    name, count = Counter(found).most_common(1)[0]
    if count > 1:
        raise CannotRun(f"'{path}' has {count} columns called '{name}': give each its own name")
    return found


def _is_data(header: list[str], rows: list[list[str]]) -> bool:
    """Whether the first line is a row like the others: it holds a number, or nothing that its columns do not hold elsewhere."""
    seen = [{row[place] for row in rows if place < len(row)} for place in range(len(header))]
    again = all(cell in values for cell, values in zip(header, seen, strict=True))
    return again or any(NUMBER.fullmatch(cell) for cell in header)


def _first(error: Exception) -> str:
    return str(error).strip().splitlines()[0][:160]
