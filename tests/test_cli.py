"""The command line: exit codes, one sentence for a person, and nothing heavy before it is needed."""

import os
import subprocess
import sys
from shutil import copy

import pytest

from copies import ROOT
from mlops import cli
from mlops.paths import STOPPED
from mlops.pins import PINS
from tables import Folder, applications


@pytest.fixture(autouse=True)
def _environment(monkeypatch):
    """The verbs set the pins for the whole process; a test puts them back."""
    for name, value in PINS.items():
        monkeypatch.setenv(name, value)
    monkeypatch.delenv("DVC_REMOTE_URL", raising=False)


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """A folder with params and contract, as working directory."""
    monkeypatch.chdir(tmp_path)
    return Folder(tmp_path).start()


@pytest.fixture
def verb(tmp_path, monkeypatch):
    """Makes the verb `trial`, whose `run` is the code given."""
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setitem(cli.VERBS, "trial", ("trial_verb", "a trial"))
    monkeypatch.delitem(sys.modules, "trial_verb", raising=False)
    return lambda code: (tmp_path / "trial_verb.py").write_text(code)


@pytest.mark.parametrize(("code", "expected"), [("return None", 0), ("return 0", 0), ("return 1", 1), ("return 2", 2)])
def test_a_verbs_answer_is_the_exit_code(verb, code, expected):
    """None is done."""
    verb(f"def run(args): {code}")
    assert expected == cli.main(["trial"])


def test_what_could_not_run_is_one_sentence_and_2(verb, capsys):
    """On stderr, with the verb's name and no traceback."""
    verb("from mlops.errors import CannotRun\ndef run(args): raise CannotRun('a.yaml is not there: make it')")
    assert 2 == cli.main(["trial"])
    assert "mlops trial: a.yaml is not there: make it\n" == capsys.readouterr().err


@pytest.mark.parametrize("code", ["def run(args): 1 / 0", "1 / 0"], ids=["while running", "while importing"])
def test_an_error_of_the_program_itself_is_2_and_never_1(verb, capsys, code):
    """1 would say that a gate judged and failed; the traceback is in the log."""
    verb(code)
    assert 2 == cli.main(["trial"])
    assert "ZeroDivisionError" in capsys.readouterr().err


@pytest.mark.parametrize("words", [["no-such-verb"], [], ["lock"], ["compare", "--skip", "train"]])
def test_a_wrong_command_line_is_2(words, capsys):
    """An unknown verb, none, an argument that is missing or not allowed."""
    with pytest.raises(SystemExit) as stopped:
        cli.main(words)
    assert 2 == stopped.value.code
    assert "usage: mlops" in capsys.readouterr().err


def test_each_verb_says_its_time(verb, capsys):
    """The last line, also after a failure."""
    verb("def run(args): return 1")
    cli.main(["trial"])
    assert capsys.readouterr().out.splitlines()[-1].startswith("-- trial: ")


def test_help_names_every_verb(capsys):
    """With what it does."""
    with pytest.raises(SystemExit):
        cli.main(["--help"])
    said = " ".join(capsys.readouterr().out.split())
    assert [] == [name for name, (_, text) in cli.VERBS.items() if f"{name} {text}" not in said]


def test_verbs_run_with_the_pins(verb, monkeypatch):
    """Every process that a verb starts has them."""
    for name in PINS:
        monkeypatch.delenv(name)
    verb(
        "import os\nfrom mlops.pins import PINS\ndef run(args): return int(any(os.environ[n] != PINS[n] for n in PINS))"
    )
    assert 0 == cli.main(["trial"])


def test_the_pins_are_set_before_any_library_is_imported():
    """numpy and OpenBLAS read them once, when they start."""
    code = "import sys, mlops.cli; print(*sorted({'numpy', 'pandas', 'sklearn', 'onnxruntime'} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], env=os.environ, capture_output=True, text=True)
    assert ("\n", 0) == (done.stdout, done.returncode)


def misspelt(folder):
    """A knob that is none."""
    folder.set_params({"split.tranc": 60})


def before_the_world(folder):
    """Months that the source does not have."""
    folder.set_params({"data.window": {"start": "1990-01", "end": "1990-03"}})


def backwards(folder):
    """A window that ends before it starts."""
    folder.set_params({"data.window": {"start": "2024-04", "end": "2024-01"}})


def undeclared(folder):
    """A column that the table does not have."""
    folder.set_contract({"columns.shoe_size": {"type": "number"}})


def unlabelled(folder):
    """A target with gaps."""
    folder.raw(applications(default=[None, *[0, 1] * 599, 1]))


def constant(folder):
    """A target of one class."""
    folder.raw(applications(default=0))


def unknown_argument(folder):
    """An argument that the estimator does not take."""
    folder.raw(applications()).run("prepare").set_params({"train.estimators.gradient_boosting": {"n_estimatrs": 9}})


@pytest.mark.parametrize(
    ("verb_", "broken", "sentence"),
    [
        ("ingest", misspelt, "params.yaml: unknown key 'split.tranc'; did you mean 'train'?"),
        (
            "ingest",
            before_the_world,
            "start 1990-01 is before the sample's first month: use ",
        ),
        ("ingest", backwards, "`start` 2024-04 is after `end` 2024-01: the window is empty"),
        ("ingest", undeclared, "column 'shoe_size' of data/contract.yaml is not in the table"),
        ("prepare", unlabelled, "target 'default' is missing in 1 of the "),
        ("prepare", constant, "target 'default' has one class only among the "),
        ("train", unknown_argument, "did you mean 'n_estimators'?"),
    ],
)
def test_bad_input_is_one_sentence_and_nothing_half_written(folder, capsys, verb_, broken, sentence):
    """Exit code 2; the stage leaves none of its files, but the sentence for the verdict."""
    broken(folder)
    before = set(folder.path.rglob("*"))
    assert 2 == cli.main([verb_])
    said = capsys.readouterr().err
    assert said.startswith(f"mlops {verb_}: ")
    assert sentence in said
    assert 1 == len(said.splitlines())
    kept = folder.path / STOPPED.format(verb_)
    assert {kept} == {path for path in set(folder.path.rglob("*")) - before if path.is_file()}
    assert said == f"mlops {verb_}: {kept.read_text()}\n"


def test_an_interrupted_verb_says_what_is_true_of_every_verb(folder, monkeypatch, capsys):
    """Ctrl-C is 130 and a sentence, no traceback; some verbs go on where they were, others put everything back."""

    def interrupt(_):
        raise KeyboardInterrupt

    monkeypatch.setattr("mlops.pipeline.prepare.run", interrupt)
    assert 130 == cli.main(["prepare"])
    assert "mlops prepare: interrupted; nothing is half-written, run it again\n" == capsys.readouterr().err


def test_a_verb_whose_module_is_no_python_is_one_sentence(tmp_path, monkeypatch, capsys):
    """A slip in src/model names file and line, whichever verb imports it first."""
    (tmp_path / "slipped.py").write_text("def run(args):\n    return (\n")
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setitem(cli.VERBS, "search", ("slipped", "a verb"))
    assert 2 == cli.main(["search"])
    said = capsys.readouterr().err
    assert "slipped.py is not valid Python: correct line 2" in said
    assert 1 == len(said.splitlines())


@pytest.fixture
def make(tmp_path):
    """Runs make on the repository's Makefile, in which `uv` prints the words that it gets; `env` is its environment's."""
    copy(ROOT / "Makefile", tmp_path)
    (tmp_path / "uv").write_text("#!/bin/sh\nprintf '<%s>' \"$@\"; echo\n")
    (tmp_path / "uv").chmod(0o755)

    def run(*words: str, **env: str) -> subprocess.CompletedProcess:
        clean = {name: value for name, value in os.environ.items() if not name.startswith(("MAKE", "MFLAGS"))}
        command = ["make", f"UV={tmp_path / 'uv'}", *words]
        return subprocess.run(command, cwd=tmp_path, env=clean | env, capture_output=True, text=True)

    return run


def said(done: subprocess.CompletedProcess) -> str:
    """The words of the last command that make ran."""
    assert (0, "") == (done.returncode, done.stderr)
    return done.stdout.splitlines()[-1]


@pytest.mark.parametrize(
    "value",
    ["$50K", "bob's.csv", 'a "b" c', "$(shell touch made)", "`touch made`", "a, b", ">50K", "<=50K", "#1", "yes\\", "süd", "--task", "a\\ b"],
)  # fmt: skip
def test_a_word_of_make_arrives_as_it_was_typed(make, tmp_path, value):
    """Neither make nor the shell reads anything in it."""
    expected = f"<run><--frozen><mlops><adopt><--data={value}><--target={value}><--positive={value}>"
    assert expected == said(make("adopt", f"DATA={value}", f"TARGET={value}", f"POSITIVE={value}"))
    assert not (tmp_path / "made").exists()


def test_a_word_of_make_that_is_empty_or_of_the_environment_is_none(make):
    """There TIME or ID mean something else."""
    words = make("adopt", "DATA=a.csv", "TARGET=b", "TIME=", ID="7", TASK="regression", PROTETCED="x")
    assert "<run><--frozen><mlops><adopt><--data=a.csv><--target=b>" == said(words)
    assert "<run><--frozen><mlops><upgrade><--ref=v1 $x>" == said(make("upgrade", "REF=v1 $x", URL="elsewhere"))


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["DATA=a", "TARGET=b", "PROTETCED=Sex"], "make adopt has no word PROTETCED; it has DATA TARGET PROTECTED "),
        (["DATA=a", "TARGET=b", "SKIP=deepchecks", "BASE=x"], "make adopt has no word "),
        (["TARGET=b"], "DATA= is missing: make adopt DATA=file.csv TARGET=column"),
        (["DATA=a", "TARGET="], "TARGET= is missing: make adopt DATA=file.csv TARGET=column"),
    ],
    ids=["mistyped", "of other verbs", "no DATA", "no TARGET"],
)
def test_words_that_adopt_cannot_use_are_one_sentence(make, words, sentence):
    """Before anything is installed or run; DATA and TARGET of the environment are none of its words."""
    done = make("adopt", *words, DATA="env.csv", TARGET="env")
    assert (2, "") == (done.returncode, done.stdout)
    assert sentence in done.stderr
    assert 1 == len(done.stderr.splitlines())


def test_other_verbs_take_the_words_that_adopt_does_not_know(make):
    """`make pr BASE=main` is no matter of adopt's."""
    assert "<pr><--base><main>" in said(make("pr", "BASE=main", "PROTETCED=x"))
