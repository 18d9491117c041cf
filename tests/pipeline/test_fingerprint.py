"""Stage `fingerprint`: a comment changes nothing, a fix changes the stages that run it, and only those."""

import re
import shutil
from pathlib import Path

import pytest

from copies import lay_out
from mlops.errors import CannotRun
from mlops.files import read_json
from mlops.paths import CONTRACT, FINGERPRINT
from mlops.pins import PINS
from mlops.pipeline import fingerprint
from mlops.pipeline.fingerprint import STAGES, essence, fingerprints

ALL = set(STAGES)
MODULE = '''"""What it is."""

import numpy as np  # arrays


class Limits:
    """What it is."""

    low = 1


def clip(value):
    """Return the value, at least low."""
    # only why
    return np.maximum(value, Limits.low)
'''
TREE = {
    "data/contract.yaml": "version: 1  # a comment\ntarget: default\n",
    "uv.lock": '[[package]]\nname = "numpy"\nversion = "2.3.0"\nsource = { registry = "" }\n'
    '[[package]]\nname = "some-library"\nversion = "1.0"\nsource = { registry = "" }\n'
    '[[package]]\nname = "mlops"\nversion = "0.1.0"\nsource = { editable = "." }\n',
    "src/mlops/pipeline/train.py": "from mlops import middle\n",
    "src/mlops/pipeline/evaluate.py": "import mlops.far\nimport some_library.part\n",
    "src/mlops/pipeline/behaviour.py": "",
    "src/mlops/pipeline/builtin.py": "VALUE = 1\n",
    "src/mlops/middle.py": "def lazy():\n    from mlops.far import VALUE\n",
    "src/mlops/far.py": "import numpy\nVALUE = 1\n",
    "src/mlops/unused.py": "VALUE = 1\n",
    "tests/model/test_invariance.py": "import helper\n",
    "tests/model/helper.py": "VALUE = 1\n",
}


@pytest.fixture
def tree(tmp_path):
    """A small tree: train imports middle, which imports far; evaluate imports far and some_library."""
    for name, text in TREE.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text, encoding="utf-8")
    return tmp_path


@pytest.fixture(scope="module")
def project(tmp_path_factory):
    """A copy of what this repository's fingerprints are made from, and those fingerprints."""
    root = lay_out(tmp_path_factory.mktemp("project"))
    return root, fingerprints(root)


def changed(root, name: str, text: str, before: dict | None = None) -> set[str]:
    """The fingerprints that change where the file `name` becomes `text`."""
    before = before or fingerprints(root)
    file, old = root / name, (root / name).read_text(encoding="utf-8") if (root / name).exists() else None
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text, encoding="utf-8")
    after = fingerprints(root)
    file.unlink() if old is None else file.write_text(old, encoding="utf-8")
    return {key for key in after if after[key] != before[key]}


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("  # arrays", ""),
        ("# only why", "# why, said in other words\n    # and at length"),
        ('"""What it is."""', '"""What it is,\n\n    in more words: x = 2  # no comment\n    """'),
        ('    """Return the value, at least low."""\n', ""),
        ("    low = 1", "    low = 1   "),
        ("\n\n\n", "\n"),
        ("\n\n", "\n\n\n\n"),
        ('"""What it is."""\n\n    low', '"""What it is."""\n    low'),
    ],
)
def test_what_no_one_runs_changes_nothing(old, new):
    """Comments, docstrings, blank lines and blanks at the end of a line are no part of the fingerprint."""
    assert old in MODULE
    assert essence(MODULE) == essence(MODULE.replace(old, new))


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("low = 1", "low = 2"),
        ("np.maximum", "np.minimum"),
        ("class Limits", "class Bounds"),
        ("import numpy", "import x"),
    ],
)
def test_what_runs_changes_it(old, new):
    """A constant, a call, a name and an import are in it."""
    assert essence(MODULE) != essence(MODULE.replace(old, new))


@pytest.mark.parametrize(
    "line",
    [
        'colour = "#00ff00"',
        'text = f"#{number} of {total:#x}"',
        "text = f'{\"#\"}'",
        'text = """first\n# a heading, no comment\n\n\nlast"""',
        'text = f"""first {number}\n# no comment\n\nlast"""',
        'text = """blanks at the end   \nlast"""',
        'value = "not a docstring"',
        "text = 'a \\\n  # b'",
    ],
)
def test_a_string_stays_whole(line):
    """A number sign, a blank line or blanks inside a string are no layout."""
    assert line == essence(f"{line}  # a comment\n\n")


def test_a_blank_line_inside_a_string_is_a_change():
    """Text that a program prints or sends is not reflowed away."""
    assert essence('text = """a\n\nb"""') != essence('text = """a\nb"""')


def test_code_beside_a_docstring_stays():
    """A class on one line keeps its name and base, whatever its docstring says, and an accent shifts nothing."""
    assert "class Späť(Exception):" == essence('class Späť(Exception): """Späť."""  # a comment\n')
    assert "def f(): ; return 1" == essence('def f(): """Says\nmore."""; return 1\n')


def test_a_helper_two_imports_away_counts(tree):
    """A changed constant reaches the stages that import it, also through another module and inside a function."""
    assert {"train", "evaluate"} == changed(tree, "src/mlops/far.py", "import numpy\nVALUE = 2\n")
    assert {"train"} == changed(tree, "src/mlops/middle.py", TREE["src/mlops/middle.py"] + "x = 1\n")


def test_a_comment_two_imports_away_does_not(tree):
    """Nothing runs again for a comment, and nothing for a module that no stage imports."""
    assert set() == changed(tree, "src/mlops/far.py", "# why\nimport numpy\n\nVALUE = 1  # one\n")
    assert set() == changed(tree, "src/mlops/unused.py", "VALUE = 2\n")


@pytest.mark.parametrize("line", ["from . import middle", "from .middle import lazy", "from .pipeline import train"])
def test_a_relative_import_counts(tree, line):
    """The owner may import the way packages do."""
    (tree / "src/mlops/unused.py").write_text(f"{line}\n")
    (tree / "src/mlops/pipeline/ingest.py").write_text("from .. import unused\n")
    assert {"ingest", "train", "evaluate"} == changed(tree, "src/mlops/far.py", "VALUE = 2\n")


def test_the_code_of_a_package_counts(tree):
    """A package's own __init__.py runs when a module of it is imported; an empty one is as none."""
    assert set() == changed(tree, "src/mlops/__init__.py", '"""A package."""\n')
    assert {"train", "evaluate"} == changed(tree, "src/mlops/__init__.py", "import warnings\n")


def test_owners_tests_are_part_of_behaviour(tree):
    """Every Python file beside the tests counts, and for no other stage."""
    assert {"behaviour"} == changed(tree, "tests/model/helper.py", "VALUE = 2\n")
    assert {"behaviour"} == changed(tree, "tests/model/conftest.py", "VALUE = 2\n")


def test_the_templates_own_tests_are_part_of_behaviour(tree):
    """No module imports them: pytest runs them by their name."""
    assert {"behaviour"} == changed(tree, "src/mlops/pipeline/builtin.py", "VALUE = 2\n")
    assert set() == changed(tree, "src/mlops/pipeline/builtin.py", "VALUE = 1  # one\n")


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        ('"2.3.0"', '"2.3.1"', {"train", "evaluate"}),
        ('name = "some-library"\nversion = "1.0"', 'name = "some-library"\nversion = "1.1"', {"evaluate"}),
        ('"0.1.0"', '"0.2.0"', set()),
    ],
)
def test_a_locked_version_counts_where_it_is_imported(tree, old, new, expected):
    """A library's version reaches the stages that import it; the project's own says nothing."""
    assert expected == changed(tree, "uv.lock", TREE["uv.lock"].replace(old, new))


def test_what_keeps_the_arithmetic_the_same_counts_for_every_stage(tree, monkeypatch):
    """Other pins may give other bytes from the same code."""
    before = fingerprints(tree)
    monkeypatch.setitem(PINS, "OPENBLAS_CORETYPE", "SkylakeX")
    assert ALL == {key for key, value in fingerprints(tree).items() if value != before[key]}


def test_the_contract_is_its_values(tree):
    """A comment or other quotes change nothing, a value changes only the contract's fingerprint."""
    assert set() == changed(tree, CONTRACT, 'version: 1\n\ntarget: "default"  # the loan was not paid back\n')
    assert {"contract"} == changed(tree, CONTRACT, "version: 1\ntarget: other\n")


@pytest.mark.parametrize(
    ("text", "line"),
    [("VALUE = (1\n", 1), ("x = 1\n  y = 2\n", 2), ('"""open', 1), ("def f(:\n", 1), ("\n\nprint 'x'\n", 3)],
)
def test_refuses_what_is_no_python(tree, text, line):
    """The sentence names the file and the line."""
    (tree / "src/mlops/far.py").write_text(text)
    with pytest.raises(CannotRun, match=rf"^src/mlops/far.py is not valid Python: correct line {line} \([^\n]+\)$"):
        fingerprints(tree)


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("src/model/source.py", {"ingest"}),
        ("src/model/features.py", {"train", "evaluate"}),
        ("src/model/estimator.py", {"train", "evaluate"}),
        ("src/model/metrics.py", {"evaluate"}),
        ("src/mlops/pipeline/expectations.py", {"validate"}),
        ("src/mlops/errors.py", ALL),
        ("src/mlops/pipeline/builtin.py", {"behaviour"}),
        ("src/mlops/export.py", {"train", "evaluate"}),
        ("src/mlops/compare.py", set()),
        ("tests/model/test_invariance.py", {"behaviour"}),
    ],
)
def test_a_change_of_this_project_runs_the_right_stages(project, name, expected):
    """Each of the owner's hooks is read by its stages, and by no other."""
    root, before = project
    text = (root / name).read_text(encoding="utf-8")
    assert expected == changed(root, name, f"{text}\nCHANGED = 1\n", before)


def test_a_comment_in_every_file_of_this_project_runs_nothing(project, tmp_path):
    """Blank lines and comments above and below all of the code leave every fingerprint as it was."""
    root, before = project
    copy = shutil.copytree(root, tmp_path / "copy")
    for path in copy.rglob("*.py"):
        path.write_text(f"# a comment\n\n{path.read_text(encoding='utf-8')}\n# another\n\n", encoding="utf-8")
    assert before == fingerprints(copy)


@pytest.mark.parametrize(
    ("library", "expected"),
    [
        ("great-expectations", {"validate"}),
        ("scikit-learn", {"train", "evaluate", "behaviour", "deepchecks"}),
        ("skl2onnx", {"train", "evaluate"}),
        ("onnxruntime", {"train", "evaluate", "behaviour", "deepchecks"}),
        ("mlflow", set()),
        ("mlops", set()),
    ],
)
def test_an_upgrade_in_this_project_runs_the_right_stages(project, library, expected):
    """A stage runs again for the libraries that it imports."""
    root, before = project
    text = (root / "uv.lock").read_text(encoding="utf-8")
    newer = re.sub(rf'^(name = "{library}"\nversion = ")', r"\g<1>9", text, flags=re.M)
    assert newer != text
    assert expected == changed(root, "uv.lock", newer, before)


def test_writes_one_fingerprint_a_stage(folder):
    """reports/fingerprint.json has the contract and every stage, and a second run gives the same bytes."""
    fingerprint.run(None)
    first = Path(FINGERPRINT).read_bytes()
    fingerprint.run(None)
    assert ["contract", *STAGES] == list(read_json(FINGERPRINT, ""))
    assert first == Path(FINGERPRINT).read_bytes()


def test_refuses_a_contract_that_is_wrong(folder):
    """Nothing is fingerprinted that cannot be read."""
    folder.set_contract({"target": "absent"})
    with pytest.raises(CannotRun, match="names 'absent', which is not one of `columns`"):
        fingerprint.run(None)
    assert not Path(FINGERPRINT).exists()
