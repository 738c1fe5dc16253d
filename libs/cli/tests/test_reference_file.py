"""Training files as references: what is a number, a category, a null; and what is refused."""

import io

import pytest

from flyball.cli.errors import CommandError
from flyball.cli.reference_file import features_of, read
from flyball.schemas.drift import NumericReference


def stream(text: str) -> io.BytesIO:
    return io.BytesIO(text.encode())


def test_a_csv_and_the_same_rows_as_json_lines_are_one_reference() -> None:
    rows = [(n / 7, "de" if n % 3 else "fr", None if n % 10 == 0 else n) for n in range(600)]
    csv = "amount,country,age\n" + "".join(f"{a!r},{c},{'' if g is None else g}\n" for a, c, g in rows)
    flat = "".join(f'{{"amount": {a!r}, "country": "{c}", "age": {g or "null"}}}\n' for a, c, g in rows)
    sent = "".join(f'{{"data": {{"features": {line}}}}}\n' for line in flat.splitlines())
    made = [
        features_of(*read(stream(text), kind, "f")) for text, kind in ((csv, "csv"), (flat, "jsonl"), (sent, "ndjson"))
    ]
    assert made[0] == made[1] == made[2]
    features, notes = made[0]
    assert notes == []
    assert features["country"] == {"kind": "categorical", "counts": {"de": 400, "fr": 200}, "rows": 600, "nulls": 0}
    age = NumericReference.model_validate(
        {**features["age"], "edges": tuple(features["age"]["edges"]), "counts": tuple(features["age"]["counts"])}
    )
    assert (age.rows, age.nulls, age.minimum, age.maximum) == (600, 60, 1.0, 599.0)


def test_names_are_left_out_and_stray_texts_are_nulls() -> None:
    text = "id,x\n" + "".join(f"i-{n},{'oops' if n == 7 else n}\n" for n in range(600))
    features, notes = features_of(*read(stream(text), "csv", "f"))
    assert set(features) == {"x"}
    assert features["x"]["nulls"] == 1
    assert [note.split(":")[0] for note in notes] == ["id", "x"]


@pytest.mark.parametrize(
    ("text", "kind", "says"),
    [
        ("a,b\n1\n", "csv", "not as many fields"),
        ("a,b\n1,2,3\n", "csv", "not as many fields"),
        ('a\n"open', "csv", "no CSV"),
        ("[1]\n", "jsonl", "no JSON object"),
        ("{\n", "jsonl", "line 1"),
        ("", "parquet", "no reader of Parquet"),
        ("", "xlsx", "cannot tell"),
    ],
)
def test_what_cannot_be_read_is_said_with_its_place(text: str, kind: str, says: str) -> None:
    with pytest.raises(CommandError, match=says):
        read(stream(text), kind, "rows")


def test_infinities_and_booleans_are_no_numbers() -> None:
    columns, rows = read(stream('{"x": true, "y": 1e999}\n{"x": 1, "y": 2}\n'), "jsonl", "f")
    assert rows == 2
    assert columns["x"].texts == {"True": 1}
    assert list(columns["y"].numbers) == [2.0]
