"""One model, ready to answer: its session, its request types and encoders, all worked out once."""

import msgspec

from mlops.contract import Contract
from mlops.errors import CannotRun
from mlops.onnx_model import Model
from mlops.serve import answers, examples, rows
from mlops.serve.encode import encoder

TRAIN_AGAIN = "run `make train`, and serve the two together"
WARM = 50  # scores before the first answer: the first ones allocate


class Scorer:
    """A model and its contract.

    Attributes: model, table, rows (see rows.Rows), one and many (see encode.encoder), read (see answers.reader), answer and
    answers (structs), example (a row), watches (whether a broken rule may only warn), logged (columns that the log keeps).
    """

    def __init__(self, model: Model, table: Contract, max_rows: int):
        self.model, self.table, self.max_rows = model, table, max_rows
        _agree(model, table)
        self.rows = rows.rows(table, model.columns, max_rows)
        self.one, self.many = encoder(self.rows, model.columns)
        self.read, self.score = answers.reader(model), model.score_matrix
        self.answer, self.answers = answers.kinds(model)
        self.example = examples.row(table.columns, self.rows)
        self.logged = [name for name in self.rows.columns if self._is_logged(name)]
        self._strict = [
            (name, self.rows.columns.index(name), kind, list[kind], name in self.rows.inputs)
            for name, kind in self.rows.strict.items()
        ]
        self.watches = bool(self._strict)

    def _is_logged(self, name: str) -> bool:
        column, keys = self.table.columns[name], (self.table.id, self.table.time)
        # a group is a person more often than not, and users are logged as keyed hashes alone
        private = column.protected or name == self.table.group or (column.type == "text" and name not in keys)
        return column.logged if private else True

    def warm(self) -> None:
        """Score the example until the session has its memory."""
        row = msgspec.convert(self.example, self.rows.row)
        for _ in range(WARM):
            self.read(self.score(self.one(row)))

    def warnings(self, row: tuple) -> list[str]:
        """Return the columns of a row's values that break a rule which only warns."""
        return [
            name for name, place, kind, _, needed in self._strict
            if ((value := row[place]) is not None or needed) and not fits(value, kind)
        ]  # fmt: skip

    def warned(self, values: tuple) -> dict[str, int]:
        """Return {column: rows} of the rows of a batch (see rows.Rows.values) that break a rule which only warns."""
        found = {}
        for name, place, kind, kinds, needed in self._strict:
            column = values[place]
            if column is not None and not fits(column, kinds):
                found[name] = sum((value is not None or needed) and not fits(value, kind) for value in column)
        return {name: rows for name, rows in found.items() if rows}

    def lengths(self, values: tuple) -> dict[str, int]:
        """Return {column: values} of the columns that were given."""
        given = zip(self.rows.columns, values, strict=True)
        return {name: len(column) for name, column in given if column is not None}


def _agree(model: Model, table: Contract) -> None:
    """Raise CannotRun where the contract is not the one that the model was trained on: its answers would mean something else."""
    spoken = {name: table.model_dump()[name] for name in model.question}
    for name, trained in model.question.items():
        if trained != spoken[name]:
            raise CannotRun(
                f"the model was trained on {name} '{trained}', the contract says '{spoken[name]}': {TRAIN_AGAIN}"
            )
    columns = {column["name"]: column for column in model.columns}
    for name in [*columns, *table.features]:
        if name not in table.features or name not in columns:
            who = ("the model", "the contract") if name in columns else ("the contract", "the model")
            raise CannotRun(f"{who[0]} has column '{name}' as an input, {who[1]} has not: {TRAIN_AGAIN}")
        ours = table.features[name]
        for what, said, trained in (
            ("type", ours.type, columns[name]["type"]),
            ("categories", list(ours.categories or []), columns[name]["categories"] or []),
        ):
            if said != trained:
                raise CannotRun(
                    f"column '{name}' has {what} {said} in the contract, the model was trained on {trained}: {TRAIN_AGAIN}"
                )


def fits(value, kind) -> bool:
    """Whether a decoded value is of a type."""
    try:
        msgspec.convert(value, kind)
    except msgspec.ValidationError:
        return False
    return True
