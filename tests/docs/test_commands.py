"""What README, CONTRIBUTING and docs/ tell people to type, open and set is there. What the commands do: test_newcomer.py."""

import ast
import os
import re
import subprocess
import sys
from functools import cache
from itertools import pairwise
from pathlib import Path

import pytest
import yaml

from docs import commands, extract, refer
from docs.extract import PAGES, ROOT, TRANSCRIPT, Command
from mlops import cli

EVERY = extract.commands(PAGES)
MAKEFILE = (ROOT / "Makefile").read_text(encoding="utf-8")
TARGETS = dict(re.findall(r"^([a-z-]+):.*?## (.*)", MAKEFILE, re.M))
MARKERS = re.findall(r'^    "(\w+): ', (ROOT / "pyproject.toml").read_text(encoding="utf-8"), re.M)


def called(program: str) -> list[Command]:
    """The commands of the docs that run a program, once each, their placeholders filled."""
    found = {each.text: Command(each.page, commands.filled(each.text)) for each in EVERY}
    return [each for each in found.values() if any(words[0] == program for words in extract.parts(each.text))]


def words_of(command: Command, program: str) -> list[list[str]]:
    """The words behind a program, of each time that a command runs it."""
    return [words[1:] for words in extract.parts(command.text) if words[0] == program]


def named(command: Command) -> str:
    """What a test is called by."""
    return f"{Path(command.page).name}: {' '.join(command.text.split())[:60]}"


def printed(words: list[str]) -> subprocess.CompletedProcess:
    """What make would run for these words; nothing is run."""
    asked = ["make", "-n", f"UV={sys.executable}", *words]
    own = {
        name: value for name, value in os.environ.items() if not name.startswith(("MAKE", "MFLAGS"))
    }  # `make test`'s
    return subprocess.run(asked, cwd=ROOT, env=own, capture_output=True, text=True)


def parsed(words: list[str]) -> None:
    """Hold words against the parser of `mlops`; raises SystemExit where it has no such verb, option or value."""
    cli._parsed(words, words[0])


@pytest.mark.parametrize("page", PAGES)
def test_each_command_says_how_it_is_tried(page):
    """A command that no test tries may be wrong, and nobody would know."""
    assert [] == [said for each in EVERY if each.page == page and (said := commands.untold(each))]


def test_a_command_that_nothing_tries_is_told_with_file_and_fix():
    """The sentence names the page, the command, and what to do."""
    said = commands.untold(Command("docs/new.md", "make pr SKIP=everything"))
    assert "docs/new.md: nothing tries `make pr SKIP=everything`: add a row to tests/docs/commands.py" in said


@pytest.mark.skipif("README.md" not in PAGES, reason="the README is the owner's, and its commands are gone")
def test_no_row_is_left_of_a_command_that_is_gone():
    """Each row is a command that a page has, or begins one."""
    texts = {commands.plain(each.text) for each in EVERY}
    assert set() == commands.told() - texts
    assert [] == [start for start in commands.CLOUD if not any(text.startswith(start) for text in texts)]


def test_a_command_has_one_kind_of_row():
    """Tried here, elsewhere, or nowhere: not two of them."""
    assert [] == commands.doubled()


@pytest.mark.parametrize("test", sorted({test for tests in commands.ELSEWHERE.values() for test in tests.split()}))
def test_what_is_tried_elsewhere_is_a_test(test):
    """A row that says so names a file and a function that are there."""
    file, _, function = test.partition("::")
    if file == commands.CI:
        texts = [text for text, by in commands.ELSEWHERE.items() if by == file and not text.startswith("bash ")]
        assert [] == [text for text in texts if not checked(text)]
    else:
        assert function in refer.functions(file)


def checked(text: str) -> bool:
    """Does .ci/run run a command, or what make would run for it?"""
    last = text.split("&&")[-1].strip()
    made = [re.sub(r"^GOBIN=\S+ ", "", line) for line in printed(last.split()[1:]).stdout.splitlines()]
    script = (ROOT / commands.CI).read_text(encoding="utf-8")
    return last in script.splitlines() or (made != [] and all(line in script for line in made))


@pytest.mark.parametrize("page", PAGES)
def test_each_block_without_a_language_is_commands_or_a_known_output(page):
    """A program that the reader of blocks does not know would leave its command untried."""
    first = [content.splitlines()[0] for language, content in extract.blocks(PAGES[page]) if not language]
    unknown = [line for line in first if not extract.starts(line) and not line.startswith(commands.OUTPUTS)]
    assert [] == unknown


@pytest.mark.parametrize("command", called("make"), ids=named)
def test_make_has_the_target_and_takes_its_words(command):
    """Each verb is one of `make help`, each word one that its line there names, and what it runs is known to `mlops`."""
    for words in words_of(command, "make"):
        targets = [word for word in words if "=" not in word]
        taken = set(re.findall(r"\b([A-Z_]+)=", " ".join(TARGETS[target] for target in targets)))
        assert set() == {word.partition("=")[0] for word in words if "=" in word} - taken
        done = printed(words) if command.text not in commands.MENTIONS else None
        for line in done.stdout.replace("\\\n", " ").splitlines() if done else ():
            for found in extract.parts(line.strip()):
                if "mlops" in found:
                    parsed(found[found.index("mlops") + 1 :])
        assert done is None or (0, "") == (done.returncode, done.stderr)


def test_a_word_that_a_target_does_not_take_is_found():
    """The line of `make help` has the words, so that a page cannot name another."""
    assert "DIGEST=" in TARGETS["promote"]
    assert "PROTETCED=" not in TARGETS["adopt"]
    assert 2 == printed(["promote", "ENVIRONMENT=prod"]).returncode


@pytest.mark.parametrize("command", [*called("mlops"), *called(".venv/bin/mlops")], ids=named)
def test_mlops_has_the_verb_and_its_options(command):
    """By its own parser; a verb that is only named needs no options."""
    for words in [*words_of(command, "mlops"), *words_of(command, ".venv/bin/mlops")]:
        assert words[0] in cli.VERBS
        if words[1:]:
            parsed(words)


@pytest.mark.parametrize("words", [["promote"], ["promote", "--env", "prod", "--stop", "full"], ["promoted"]])
def test_words_that_mlops_does_not_take_are_found(words, capsys):
    """A missing option, a misspelt one, a verb that is none."""
    with pytest.raises(SystemExit):
        parsed(words)


@pytest.mark.parametrize("command", called(".venv/bin/python"), ids=named)
def test_a_script_knows_the_words_it_is_given(command):
    """A subcommand or an option is a text of the script; numbers are its own matter."""
    for file, *words in words_of(command, ".venv/bin/python"):
        if file == "-c":
            assert compile(words[0], command.page, "exec")
            continue
        known = {node.value for node in ast.walk(refer.tree(file)) if isinstance(node, ast.Constant)}
        known |= {node.arg for node in ast.walk(refer.tree(file)) if isinstance(node, ast.keyword)}
        known |= refer.functions(file)
        assert [] == [word for word in words if not re.fullmatch(r"[\d.]+|>|/dev/null", word) and word not in known]


@pytest.mark.parametrize("command", called(".venv/bin/pytest"), ids=named)
def test_pytest_finds_what_it_is_asked_for(command):
    """The file is there, the marker is one of pyproject.toml, and -k selects a test."""
    for words in words_of(command, ".venv/bin/pytest"):
        options = dict(pairwise(words))
        (file,) = [word for word in words if word.endswith(".py")]
        assert {options.get("-m", MARKERS[0])} <= {*MARKERS}
        names = [name for name in refer.functions(file) if name.startswith("test_")]
        assert [name for name in names if options.get("-k", "") in name]


@pytest.mark.parametrize("command", [each for each in called("gh") if "gh workflow" in each.text], ids=named)
def test_a_workflow_that_gh_names_is_there_with_its_inputs(command):
    """A file of .github/workflows; each -f is an input, and of a choice one of its options."""
    for _, _, file, *words in words_of(command, "gh"):
        workflow = yaml.safe_load((ROOT / ".github/workflows" / file).read_text(encoding="utf-8"))
        inputs = (workflow[True].get("workflow_dispatch") or {}).get("inputs", {})
        for word in (word for word in words if word != "-f"):
            name, _, value = word.partition("=")
            assert value in inputs[name].get("options", [value])


@pytest.mark.parametrize("name", [*PAGES, *([TRANSCRIPT] if (ROOT / TRANSCRIPT).exists() else [])])
def test_each_link_leads_somewhere(name):
    """A file of this repository, and a heading of it."""
    assert [] == refer.broken(name, (ROOT / name).read_text(encoding="utf-8"))


def test_a_link_that_leads_nowhere_is_found():
    """A page that is not there, a heading that is not; addresses of the network are left alone."""
    text = "[a](b.md) [c](drift.md#not-there) [d](#neither) [e](https://example.com) [f](drift.md#retrain)"
    assert ["b.md", "drift.md#not-there", "#neither"] == refer.broken("docs/new.md", text)


def test_pages_that_code_and_workflows_name_are_there():
    """A ticket, an alert or an error that sends people to a page, or a heading of it."""
    assert [] == refer.lost()


def test_every_page_is_kept_by_git():
    """A page that .gitignore leaves out is in no copy."""
    ignored = subprocess.run(["git", "check-ignore", *PAGES], cwd=ROOT, capture_output=True, text=True).stdout
    assert "" == ignored


@pytest.mark.parametrize("page", PAGES)
def test_each_file_that_is_named_is_there(page):
    """Between backticks: a file of the repository, or one that the template writes."""
    assert [] == refer.absent(PAGES[page])


def test_a_file_that_is_not_there_is_found():
    """By its folder, or by its ending."""
    text = "`src/mlops/gone.py` `gone.yml` `src/mlops/cli.py` `release.yml` `reports/report.md` `v1.2` `manifests/rollout/*/routes.yaml`"
    assert ["src/mlops/gone.py", "gone.yml"] == refer.absent(text)


@pytest.mark.parametrize("page", PAGES)
def test_each_variable_that_is_named_is_read(page):
    """By the template, or by another program that the table names."""
    assert [] == [name for name in refer.variables(PAGES[page]) if name not in read_somewhere()]


@cache
def read_somewhere() -> set[str]:
    """The names that the code, the workflows and the table know."""
    return {*refer.known_variables(), *commands.FOREIGN}


def test_a_variable_that_nobody_reads_is_found():
    """A misspelt setting is one that does nothing."""
    assert {"PREDICTION_LOGS"} == {
        *refer.variables("Set `PREDICTION_LOGS=off` or `PREDICTION_LOG`.")
    } - read_somewhere()


@pytest.mark.parametrize("page", PAGES)
def test_python_and_yaml_that_are_shown_can_be_read(page):
    """An example is copied as it stands."""
    for language, content in extract.blocks(PAGES[page]):
        if language == "python":
            assert compile(content, page, "exec")
        if language == "yaml":
            assert yaml.safe_load(content)


def test_a_refusal_in_the_story_is_told_by_its_sentence():
    """make ends with 2 for any fault, a traceback included: the exit code alone says nothing."""
    steps = [step for chapter in commands.STORY.values() for step in chapter]
    assert [] == [step.text for step in steps if step.exit and not step.says]
