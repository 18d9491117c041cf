"""No prediction log."""

from mlops.serve.record import Record


class Off:
    """Rows go nowhere."""

    def write(self, records: list[Record]) -> None:
        """Forget the rows."""

    def close(self) -> None:
        """Have nothing to let go of."""
