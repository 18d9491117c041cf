"""The prediction log as JSON lines on standard output: what a cluster's log collector reads."""

import sys

import msgspec

from mlops.serve.record import Record


class Stdout:
    """One line a row."""

    def __init__(self):
        self.encoder, self.out = msgspec.json.Encoder(), sys.stdout.buffer

    def write(self, records: list[Record]) -> None:
        """Write all rows, and flush."""
        self.out.write(self.encoder.encode_lines(records))
        self.out.flush()

    def close(self) -> None:
        """Leave standard output open: it is the process's."""
