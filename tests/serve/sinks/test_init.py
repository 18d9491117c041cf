"""PREDICTION_LOG chooses the sink."""

import subprocess
import sys

import pytest

from mlops.errors import CannotRun
from mlops.serve.sinks import sink


@pytest.mark.parametrize(
    ("address", "name"),
    [("off", "Off"), ("stdout", "Stdout"), ("sqlite:///{}/a.db", "Sqlite"), ("postgresql://u@localhost/b", "Postgres")],
)
def test_an_address_names_its_sink(tmp_path, address, name):
    """PostgreSQL is reached with the first row, so that a service starts while its base does not."""
    made = sink(address.format(tmp_path))
    assert name == type(made).__name__
    made.close()


def test_an_address_that_is_none_is_refused():
    """Without showing it: it may hold a password."""
    with pytest.raises(CannotRun, match="no address of PostgreSQL") as refused:
        sink("postgresql://u:secret@localhost:port/b?x")
    assert "secret" not in str(refused.value)


def test_a_driver_is_imported_where_it_is_chosen():
    """Who logs to standard output does not pay for PostgreSQL's."""
    code = "import sys; from mlops.serve.sinks import sink; sink('stdout'); print('psycopg' in sys.modules)"
    assert "False\n" == subprocess.run([sys.executable, "-c", code], capture_output=True, text=True).stdout
