"""What the service is told by its environment, typed: a wrong value stops it at once with one sentence."""

from collections.abc import Mapping
from typing import Annotated

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError

from mlops.errors import CannotRun
from mlops.paths import CONTRACT, METRICS, MODEL


def _key(value: str) -> str:
    if len(value.encode()) > 64:  # bytes that BLAKE2 takes
        raise ValueError("at most 64 bytes long")
    return value


class Settings(BaseModel):
    """One field a variable of the environment, in capitals.

    listen, port: the address. prediction_log: `stdout`, `off`, `sqlite:///file` or `postgresql://...`.
    user_hash_key: without it no user is logged. log_rows: answers that may wait to be written. max_body: bytes.
    drain_seconds: how long after SIGTERM it still answers, not ready, until nobody sends any more.
    model_file, contract_file, metrics_file: what is served. git_commit, image_digest: what the image was made of, as its build says.
    """

    model_config = ConfigDict(frozen=True)

    listen: str = "127.0.0.1"
    port: Annotated[int, Field(ge=0, le=65535)] = 8000
    prediction_log: Annotated[str, Field(pattern=r"^(stdout|off|sqlite:///.+|postgres(ql)?://.+)$")] = "stdout"
    user_hash_key: Annotated[str, AfterValidator(_key)] = ""
    log_rows: Annotated[int, Field(ge=1)] = 50_000
    max_body: Annotated[int, Field(ge=1024)] = 8_000_000
    max_rows: Annotated[int, Field(ge=1)] = 10_000
    drain_seconds: Annotated[float, Field(ge=0, le=600)] = 5.0
    model_file: str = MODEL
    contract_file: str = CONTRACT
    metrics_file: str = METRICS
    git_commit: str | None = None
    image_digest: str | None = None


def read(environment: Mapping[str, str]) -> Settings:
    """Return the settings that `environment` holds; raises CannotRun naming the variable, its value and what it should be."""
    given = {name: environment[name.upper()] for name in Settings.model_fields if environment.get(name.upper())}
    try:
        settings = Settings.model_validate(given)
    except ValidationError as error:
        fault = error.errors()[0]
        name = str(fault["loc"][0])
        shown = (
            "what it is" if name in ("prediction_log", "user_hash_key") else repr(fault["input"])
        )  # they hold secrets
        should = fault["msg"].removeprefix("Input should be ").removeprefix("Value error, ")
        if name == "prediction_log":
            should = "stdout, off, sqlite:///file or postgresql://user@host/base"
        raise CannotRun(f"{name.upper()} cannot be {shown}: it should be {should}") from None
    if settings.log_rows < settings.max_rows:
        raise CannotRun(
            f"LOG_ROWS {settings.log_rows} is below MAX_ROWS {settings.max_rows}: a batch of that size would never be logged"
        )
    return settings
