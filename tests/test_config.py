"""Typed YAML: what is right is read, what is wrong is one sentence with its fix."""

from typing import Literal

import pytest

from mlops.config import Strict, load, parse
from mlops.errors import CannotRun


class Room(Strict):
    """A section inside another."""

    size: int = 1
    colour: Literal["red", "blue"] = "red"


class House(Strict):
    """A file with every kind of nesting."""

    name: str
    hall: Room = Room()
    rooms: list[Room] = []
    named: dict[str, Room] = {}
    height: Literal["low"] | float = "low"


def refusal(text: str) -> str:
    """What a person reads who wrote `text`."""
    with pytest.raises(CannotRun) as refused:
        parse(text, House, "house.yaml")
    return str(refused.value)


def test_reads_what_is_right_and_fills_in_the_rest():
    """Values are typed, sections nested, absent keys have their defaults."""
    expected = House(name="a", hall=Room(size=2), rooms=[Room(colour="blue")], named={"size": Room()}, height=2.5)
    text = "{name: a, hall: {size: 2}, rooms: [{colour: blue}], named: {size: {}}, height: 2.5}"
    assert expected == parse(text, House, "house.yaml")


def test_a_key_that_stands_twice_is_refused():
    """Plain YAML would take the last one; after a bad merge a limit and its old value must not pass unseen."""
    assert "house.yaml is not valid YAML: key 'size' stands twice" in refusal("{name: a, hall: {size: 1, size: 2}}")


def test_the_same_key_in_two_sections_is_read():
    """Sections are apart, and an anchor may be used again."""
    found = parse("{name: a, hall: &h {size: 2}, rooms: [*h, {size: 3}]}", House, "house.yaml")
    assert [2, 2, 3] == [found.hall.size, *(room.size for room in found.rooms)]


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("{name: a, hal: {}}", "house.yaml: unknown key 'hal'; did you mean 'hall'?"),
        ("{name: a, hall: {sise: 2}}", "house.yaml: unknown key 'hall.sise'; did you mean 'size'?"),
        ("{name: a, rooms: [{}, {colr: red}]}", "house.yaml: unknown key 'rooms.1.colr'; did you mean 'colour'?"),
        ("{name: a, named: {size: {siz: 2}}}", "house.yaml: unknown key 'named.size.siz'; did you mean 'size'?"),
        ("{name: a, hall: {xyz: 2}}", "house.yaml: unknown key 'hall.xyz'; known here: size, colour"),
    ],
)
def test_an_unknown_key_is_refused_with_the_nearest_right_one(text, sentence):
    """At any depth, among the keys that are allowed there."""
    assert sentence == refusal(text)


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("{}", "house.yaml: 'name' is missing; it is required"),
        ("{name: 1}", "house.yaml: 'name' is 1: it should be a valid string"),
        ("{name: a, hall: {colour: green}}", "house.yaml: 'hall.colour' is 'green': it should be 'red' or 'blue'"),
        ("{name: a, height: .nan}", "house.yaml: 'height' is nan: it should be 'low' or a finite number"),
    ],
)
def test_a_wrong_value_is_named_with_what_it_should_be(text, sentence):
    """One sentence a fault, also where a value may be of several types."""
    assert sentence == refusal(text)


def test_every_fault_is_said_at_once():
    """A person mends a file in one go."""
    assert 2 == len(refusal("{nam: a}").splitlines())


def test_conflict_markers_are_called_by_their_name():
    """After a merge that stopped half-way nobody should look for a missing colon."""
    said = refusal("name: a\n<<<<<<< HEAD\nhall: {}\n=======\n>>>>>>> other\n")
    assert "house.yaml has conflict markers: take what you want of both sides, and delete them" == said


@pytest.mark.parametrize("text", ["a: [", "\tname: a", "name: {{ person }}", "{[a]: b}"])
def test_broken_yaml_is_one_line(text):
    """The parser's words over several lines become one, with the place."""
    said = refusal(text)
    assert said.startswith("house.yaml is not valid YAML: ")
    assert "line " in said
    assert 1 == len(said.splitlines())


@pytest.mark.parametrize(("text", "kind"), [("", "NoneType"), ("[1]", "list"), ("word", "str")])
def test_yaml_without_keys_is_refused(text, kind):
    """An empty file is no set of defaults."""
    assert f"house.yaml must hold keys and values, it holds {kind}" == refusal(text)


def test_a_long_value_is_shortened():
    """What was typed is shown, not a page of it."""
    assert "..." in refusal(f"{{name: a, hall: {{size: {'x' * 200}}}}}")


def test_a_file_is_read_below_its_root(tmp_path):
    """Main's tree is read as this one is."""
    (tmp_path / "house.yaml").write_text("name: a")
    assert House(name="a") == load("house.yaml", House, tmp_path)


def test_an_absent_file_says_how_to_get_it_back(tmp_path):
    """The sentence holds the command."""
    with pytest.raises(CannotRun, match=r"house.yaml is not there: restore it with `git checkout origin/main -- house"):
        load("house.yaml", House, tmp_path)
