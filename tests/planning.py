"""Small tables to plan, and what a person reads of a plan."""

import random

from mlops import config
from mlops.adopt import files
from mlops.adopt.plan import Plan
from mlops.contract import Contract

ROWS = 200


def column(*values) -> list:
    """These values, over and over."""
    return [values[place % len(values)] for place in range(ROWS)]


def numbers(seed: int = 0) -> list[float]:
    """A number a row."""
    draw = random.Random(seed)
    return [round(draw.random(), 6) for _ in range(ROWS)]


X = numbers()


def said(made: Plan, name: str) -> str:
    """What a person reads of one column."""
    return "; ".join(sentence for each, sentence in made.words if each == name)


def parsed(made: Plan) -> Contract:
    """The contract that would be written."""
    return config.parse(files.contract(made, ""), Contract, "data/contract.yaml")
