"""The Great Expectations suite that a contract means: every rule of every column, with its severity."""

from mlops.contract import Column, Contract

WHOLE = [f"{sign}int{bits}" for sign in ("", "u") for bits in (8, 16, 32, 64)]
# what a Parquet file gives; whole numbers with gaps come as float64
TYPES = {
    "number": ["float64", "float32", *WHOLE],
    "integer": [*WHOLE, "float64"],
    "date": [f"datetime64[{unit}]" for unit in ("s", "ms", "us", "ns")],
}


def expectations(contract: Contract) -> list:
    """Return one expectation a rule: the columns are there, then each column's own rules; the id is unique."""
    import great_expectations.expectations as gxe

    found = [
        gxe.ExpectColumnToExist(column=name, severity=column.severity) for name, column in contract.columns.items()
    ]
    if contract.id:
        found.append(gxe.ExpectColumnValuesToBeUnique(column=contract.id, severity="critical"))
    for name, column in contract.columns.items():
        found += _rules(gxe, name, column)
    return found


def _rules(gxe, name: str, column: Column) -> list:
    shared = {"column": name, "severity": column.severity}
    rules = []
    if column.missing_share < 1:
        rules.append(gxe.ExpectColumnValuesToNotBeNull(**shared, mostly=round(1 - column.missing_share, 6)))
    if column.type in TYPES:
        meta = {"type": column.type}
        rules.append(gxe.ExpectColumnValuesToBeInTypeList(**shared, type_list=TYPES[column.type], meta=meta))
    if column.type == "boolean":
        rules.append(gxe.ExpectColumnValuesToBeInSet(**shared, value_set=[True, False]))
    if column.min is not None or column.max is not None:
        rules.append(gxe.ExpectColumnValuesToBeBetween(**shared, min_value=column.min, max_value=column.max))
    if column.categories and not column.open:
        rules.append(gxe.ExpectColumnValuesToBeInSet(**shared, value_set=list(column.categories)))
    return rules
