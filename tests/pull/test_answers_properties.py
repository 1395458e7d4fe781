"""What holds for every table and for every text, whatever it holds."""

import csv
import gzip
import io
import json
import tempfile
from pathlib import Path
from typing import Any

import polars as pl
from hypothesis import given, settings
from hypothesis import strategies as st
from polars.testing import assert_frame_equal

from tradeflow.contract import load_contract
from tradeflow.exceptions import UnreadableAnswerError
from tradeflow.pull.answers import Answer, read_answer
from tradeflow.pull.delimited import _read_carefully, _read_fast, read_delimited, read_header

LEGACY = load_contract("source_comtrade_legacy")
NAMES = LEGACY.column_names
# The machine may be busy with other tests.
unhurried = settings(deadline=None)
ENCODINGS = ["utf-8", "utf-8-sig", "utf-16"]
# A zero character would make a text look like a binary file, and a lone line end inside a cell is what the careful way is for.
cells = st.text(st.characters(codec="utf-8", exclude_categories=["Cc", "Cs"]) | st.sampled_from('",;\n'), max_size=8)
tables = st.lists(st.tuples(*[cells] * len(NAMES)), max_size=6).map(lambda rows: [row for row in rows if any(map(str.strip, row))])
values = st.none() | st.booleans() | st.integers(-(2**40), 2**40) | st.floats(allow_nan=False, allow_infinity=False) | cells


def read_bytes(content: bytes) -> Answer:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "answer")
        path.write_bytes(content)
        return read_answer(path, LEGACY)


def rows_in(answer: Answer) -> list[int]:
    return sorted([*answer.frame["row_number"], *answer.unreadable["row_number"]])


@unhurried
@given(table=tables, encoding=st.sampled_from(ENCODINGS), end=st.sampled_from(["\n", "\r\n"]), is_packed=st.booleans())
def test_a_table_comes_back_from_csv(table: list[tuple[str, ...]], encoding: str, end: str, is_packed: bool) -> None:
    text = io.StringIO(newline="")
    csv.writer(text, lineterminator=end, quoting=csv.QUOTE_ALL).writerows([NAMES, *table])
    content = text.getvalue().encode(encoding)

    answer = read_bytes(gzip.compress(content) if is_packed else content)

    assert answer.frame.rows() == [(place, *(cell or None for cell in row)) for place, row in enumerate(table, start=1)]
    assert answer.unreadable.is_empty()


@unhurried
@given(kinds=st.lists(st.sampled_from(["text", "integer", "number", "flag"]), min_size=len(NAMES), max_size=len(NAMES)), data=st.data())
def test_a_table_comes_back_from_json_and_parquet(kinds: list[str], data: st.DataObject) -> None:
    by_kind = {"text": cells, "integer": st.integers(-(2**40), 2**40), "number": st.floats(-1e15, 1e15), "flag": st.booleans()}
    dtypes = {"text": pl.String, "integer": pl.Int64, "number": pl.Float64, "flag": pl.Boolean}
    rows = data.draw(st.lists(st.tuples(*[by_kind[kind] for kind in kinds]), min_size=1, max_size=6))
    frame = pl.DataFrame(rows, schema=dict(zip(NAMES, [dtypes[kind] for kind in kinds], strict=True)), orient="row")
    parquet = io.BytesIO()
    frame.write_parquet(parquet)
    records = [dict(zip(NAMES, row, strict=True)) for row in rows]

    for content in (
        parquet.getvalue(),
        json.dumps(records).encode(),
        json.dumps({"data": records}).encode(),
        frame.write_ndjson().encode(),
    ):
        assert_frame_equal(read_bytes(content).frame.drop("row_number"), frame)


@unhurried
@given(st.lists(st.dictionaries(st.sampled_from([*NAMES, "Remark"]), values, min_size=1), min_size=1, max_size=6))
def test_records_of_any_form_are_all_counted(records: list[dict[str, Any]]) -> None:
    content = json.dumps({"count": len(records), "data": records}).encode()
    if any(name in record for record in records for name in NAMES):
        answer = read_bytes(content)
        assert answer.frame["row_number"].to_list() == list(range(1, len(records) + 1))


@unhurried
@given(st.lists(st.text(st.sampled_from("ab1 ,;\té\udcff"), min_size=1, max_size=30).filter(lambda line: line.strip() != "")))
def test_without_quotation_marks_every_filled_line_is_a_row(lines: list[str]) -> None:
    text = "\n".join([",".join(NAMES), *lines])

    answer = read_bytes(text.encode("utf-8", "surrogateescape"))

    assert rows_in(answer) == list(range(1, len(lines) + 1))


@unhurried
@given(st.text(st.sampled_from('a1",\n\r é\udcff'), max_size=200))
def test_any_text_is_read_or_set_apart_row_by_row(text: str) -> None:
    answer = read_bytes((",".join(NAMES) + "\n" + text).encode("utf-8", "surrogateescape"))

    assert rows_in(answer) == list(range(1, answer.frame.height + answer.unreadable.height + 1))
    filled = sum(bool(line.strip()) for line in text.replace("\r", "\n").split("\n"))
    assert (answer.frame.height + answer.unreadable.height > 0) == (filled > 0)
    assert answer.frame.height + answer.unreadable.height <= filled


@unhurried
@given(
    st.lists(st.lists(st.sampled_from(["", "1", "a b", "é", 'x"y', '"q,q"', '"q""q"', '"z"z', '"open']), max_size=5)),
    st.sampled_from(["", "\n"]),
)
def test_the_fast_way_and_the_careful_way_agree(rows: list[list[str]], end: str) -> None:
    text = "\n".join(["a,b,c", *map(",".join, rows)]) + end
    header = read_header(text)
    body = memoryview(text.encode()[header.body_start :])

    fast = _read_fast(body, header)
    if fast is not None:
        careful = _read_carefully(body, header)
        assert_frame_equal(fast.frame, careful.frame)
        assert fast.row_numbers.to_list() == careful.row_numbers.to_list()
        assert fast.unreadable.rows() == careful.unreadable.rows()


@unhurried
@given(st.binary(max_size=300))
def test_any_bytes_at_all_are_an_answer_or_one_clear_line(content: bytes) -> None:
    # The names are there, so that what follows is read as rows; without them most bytes are refused as some other kind of file.
    for text in (content, ",".join(NAMES).encode() + b"\n" + content):
        try:
            answer = read_bytes(text)
        except UnreadableAnswerError as error:
            refusal = str(error)
        else:
            refusal = ""
            assert rows_in(answer) == list(range(1, answer.frame.height + answer.unreadable.height + 1))
        assert "\n" not in refusal


@unhurried
@given(st.lists(st.sampled_from([b"x", b'"y"', b",", b"\n", b"\xe9", "é".encode()])), st.integers(0, 40))
def test_a_cut_never_changes_the_rows_before_it(pieces: list[bytes], cut: int) -> None:
    content = b"a,b\n1,2\n" + b"".join(pieces)
    whole, part = (read_delimited(each, ["utf-8"], is_cut=True) for each in (content, content[: max(9, len(content) - cut)]))

    if b'"' not in content:
        assert part.frame.rows() == whole.frame.rows()[: part.frame.height]
