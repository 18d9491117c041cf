"""Where the prediction log goes: one file a kind, chosen by PREDICTION_LOG. A driver is imported where it is chosen."""

from mlops.serve.log import Sink


def sink(address: str) -> Sink:
    """Return the sink of `stdout`, `off`, `sqlite:///file` or `postgresql://...`; raises CannotRun where it cannot be one."""
    if address == "off":
        from mlops.serve.sinks.off import Off

        return Off()
    if address == "stdout":
        from mlops.serve.sinks.stdout import Stdout

        return Stdout()
    if address.startswith("sqlite:///"):
        from mlops.serve.sinks.sqlite import Sqlite

        return Sqlite(address.removeprefix("sqlite:///"))
    from mlops.serve.sinks.postgres import Postgres

    return Postgres(address)
