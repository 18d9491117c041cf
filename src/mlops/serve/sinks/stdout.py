"""The prediction log as JSON lines on standard output: what a cluster's log collector reads."""

import sys

import msgspec

from mlops.errors import CannotRun
from mlops.serve.record import Record


class Stdout:
    """One line a row."""

    def __init__(self):
        if sys.stdout is None:
            raise CannotRun(
                "standard output is closed, and PREDICTION_LOG is stdout: set PREDICTION_LOG=off, or give it one"
            )
        self.encoder, self.out = msgspec.json.Encoder(), sys.stdout.buffer

    def write(self, records: list[Record]) -> int:
        """Write all rows, and flush."""
        self.out.write(self.encoder.encode_lines(records))
        self.out.flush()
        return len(records)

    def close(self) -> None:
        """Leave standard output open: it is the process's."""
