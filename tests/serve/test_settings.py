"""The environment is read typed: a wrong value stops the service with one sentence."""

import pytest

from mlops.errors import CannotRun
from mlops.serve.settings import Settings, read


def test_nothing_needs_to_be_set():
    """A laptop serves on loopback, to standard output."""
    assert Settings() == read({"PATH": "/bin"})
    assert ("127.0.0.1", "stdout") == (read({}).listen, read({}).prediction_log)


def test_variables_are_the_fields_in_capitals():
    """Typed; an empty one counts as not set."""
    found = read({"PORT": "9000", "DRAIN_SECONDS": "0.5", "PREDICTION_LOG": "sqlite:///a.db", "LISTEN": ""})
    assert (9000, 0.5, "sqlite:///a.db", "127.0.0.1") == (
        found.port,
        found.drain_seconds,
        found.prediction_log,
        found.listen,
    )


@pytest.mark.parametrize(
    ("name", "value", "sentence"),
    [
        ("PORT", "many", "PORT cannot be 'many': it should be a valid integer"),
        ("PORT", "70000", "PORT cannot be '70000': it should be less than or equal to 65535"),
        ("DRAIN_SECONDS", "-1", "DRAIN_SECONDS cannot be '-1': it should be greater than or equal to 0"),
        ("MAX_ROWS", "0", "MAX_ROWS cannot be '0': it should be greater than or equal to 1"),
        (
            "PREDICTION_LOG",
            "mysql://u:secret@h/b",
            "should be stdout, off, sqlite:///file or postgresql://user@host/base",
        ),
    ],
)
def test_a_wrong_variable_is_refused(name, value, sentence):
    """Variable, value, what it should be; of an address not the value, which may hold a password."""
    with pytest.raises(CannotRun) as refused:
        read({name: value})
    assert sentence in str(refused.value)
    assert "secret" not in str(refused.value)
