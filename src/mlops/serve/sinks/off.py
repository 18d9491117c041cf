"""No prediction log."""

from mlops.serve.record import Record


class Off:
    """Rows go nowhere."""

    def write(self, records: list[Record]) -> int:
        """Forget the rows."""
        return 0

    def close(self) -> None:
        """Have nothing to let go of."""
