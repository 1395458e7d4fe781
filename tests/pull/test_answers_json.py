"""JSON in its three forms: whole, broken in a record, cut short, and the service's own words beside the records."""

import gzip
import json
from pathlib import Path
from typing import Any

import pytest

from tradeflow.contract import load_contract
from tradeflow.exceptions import UnreadableAnswerError
from tradeflow.pull.answers import Answer, detect_layout, read_answer

API = load_contract("source_comtrade_api")
RECORDS: list[dict[str, Any]] = [
    {"freqCode": "M", "period": "201501", "reporterCode": 276, "netWgt": 5400.0, "isReported": True, "reporterDesc": "Germany"},
    {"freqCode": "M", "period": "201502", "reporterCode": 152, "netWgt": None, "isReported": False, "reporterDesc": "Perú 😀"},
    {"freqCode": "A", "period": "2015", "reporterCode": 484, "netWgt": 12, "isReported": None, "reporterDesc": 'a "quoted" } , { name'},
]
TEXTS = [json.dumps(record, ensure_ascii=False) for record in RECORDS]


def as_answer(*texts: str, **said: Any) -> str:
    said = {"count": len(texts), "error": "", **said}
    return f'{{"elapsedTime": "0.1 secs", "count": {said["count"]}, "data": [{",".join(texts)}], "error": {json.dumps(said["error"])}}}'


def read_text(folder: Path, text: str | bytes, name: str = "answer.json") -> Answer:
    path = folder / name
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return read_answer(path, API)


@pytest.mark.parametrize(
    "text",
    [
        pytest.param(as_answer(*TEXTS), id="answer"),
        pytest.param(json.dumps(json.loads(as_answer(*TEXTS)), indent=4), id="answer, indented"),
        pytest.param(as_answer(*TEXTS).encode("utf-8-sig"), id="answer with a byte order mark"),
        pytest.param(as_answer(*TEXTS).encode("utf-16"), id="answer in UTF-16"),
        pytest.param(gzip.compress(as_answer(*TEXTS).encode()), id="answer in gzip"),
        pytest.param("\n[" + ", ".join(TEXTS) + "]", id="bare array"),
        pytest.param("\n".join(TEXTS), id="lines"),
        pytest.param("\r\n\r\n".join(TEXTS) + "\r\n", id="lines, Windows, blank lines between"),
        pytest.param(as_answer(json.dumps(RECORDS[0]), json.dumps(RECORDS[1]), TEXTS[2]), id="characters escaped"),
    ],
)
def test_every_record_of_a_sound_answer_is_read_in_its_own_type(tmp_path: Path, text: str | bytes) -> None:
    answer = read_text(tmp_path, text)

    named = answer.frame.rows(named=True)
    assert [{name: row[name] for name in RECORDS[0]} for row in named] == RECORDS
    assert [row["row_number"] for row in named] == [1, 2, 3]
    assert (answer.unreadable.height, answer.problems, answer.new_columns) == (0, (), ())


BROKEN = '{"freqCode": "M", "period": 2015}, '[:-4] + ",}"


@pytest.mark.parametrize(
    ("broken", "reason"),
    [
        (BROKEN, "not JSON"),
        ("null", "NoneType, where an object was expected"),
        ("[1, 2]", "list, where an object was expected"),
        ('{"freqCode": "\\ud800"}', "half of a surrogate pair"),
        ('{"netWgt": Infinity}', "Infinity is no number"),
    ],
)
@pytest.mark.parametrize("form", ["answer", "array", "lines"])
@pytest.mark.parametrize("place", [1, 2, 3])
def test_a_broken_record_is_set_apart_and_the_others_kept(tmp_path: Path, broken: str, reason: str, form: str, place: int) -> None:
    texts = [*TEXTS[:place], broken, *TEXTS[place:]]
    text = {"answer": as_answer(*texts), "array": f"[{','.join(texts)}]", "lines": "\n".join(texts)}[form]
    answer = read_text(tmp_path, text)

    assert answer.frame["reporterCode"].to_list() == [276, 152, 484]
    assert answer.unreadable["row_number"].to_list() == [place + 1]
    assert answer.frame["row_number"].to_list() == [row for row in range(1, 5) if row != place + 1]
    assert reason in answer.unreadable["reason"][0]
    assert json.loads(answer.unreadable["raw_row"][0]) == broken
    assert answer.problems == ()


@pytest.mark.parametrize("text", ["[{}, {}]", "{}\n{}", '{"data": [{}, {}]}'])
def test_objects_without_a_field_are_set_apart(tmp_path: Path, text: str) -> None:
    assert read_text(tmp_path, text).unreadable["row_number"].to_list() == [1, 2]


def test_two_broken_records_one_after_the_other_are_two(tmp_path: Path) -> None:
    answer = read_text(tmp_path, as_answer(TEXTS[0], BROKEN, '{"freqCode: "M", "period": 1}', TEXTS[1]))

    assert answer.unreadable["row_number"].to_list() == [2, 3]
    assert answer.frame["row_number"].to_list() == [1, 4]


def test_a_cut_answer_keeps_its_whole_records_at_every_cut(tmp_path: Path) -> None:
    text = as_answer(*TEXTS)
    start = text.index("[") + 1
    ends = [text.index(record) + len(record) for record in TEXTS]
    for cut in range(start, text.rindex("]") + 1):
        answer = read_text(tmp_path, text[:cut])
        whole = sum(end <= cut for end in ends)
        assert answer.frame.height == whole
        assert answer.unreadable.height <= 1
        assert "cut short" in answer.problems[0]


def test_a_cut_gzip_keeps_its_whole_records(tmp_path: Path) -> None:
    texts = [json.dumps(RECORDS[0] | {"netWgt": place / 7}) for place in range(3000)]
    packed = gzip.compress(as_answer(*texts).encode())
    answer = read_text(tmp_path, packed[: len(packed) // 2], "answer.json.gz")

    assert 0 < answer.frame.height < 3000
    assert answer.frame["netWgt"].to_list() == [place / 7 for place in range(answer.frame.height)]
    assert "the gzip file is cut short after" in answer.problems[0]


def test_what_the_answer_says_of_itself_is_passed_on(tmp_path: Path) -> None:
    for broken in ((), (BROKEN,)):
        answer = read_text(tmp_path, as_answer(*TEXTS, *broken, count=500, error="Result limited to 500"))
        came = 3 + len(broken)
        assert answer.problems == (
            "answer.json: the source says: Result limited to 500",
            f"answer.json: the answer says that it holds 500 records; {came} came; ask the source again",
        )


@pytest.mark.parametrize("text", ['{"count":0,"data":[],"error":""}', '{"count":0,"data":null,"error":""}', "[]"])
def test_an_answer_of_no_records_is_no_alarm(tmp_path: Path, text: str) -> None:
    answer = read_text(tmp_path, text)

    assert (answer.frame.height, answer.missing_columns, answer.problems) == (0, (), ())


def test_an_answer_cut_before_its_first_record_says_so(tmp_path: Path) -> None:
    assert "never closed" in read_text(tmp_path, '{"count":3,"data":[').problems[0]


def test_nan_is_read_as_null_and_a_column_of_several_types_as_text(tmp_path: Path) -> None:
    texts = ['{"freqCode": "M", "netWgt": NaN, "qty": 1}', '{"freqCode": 7, "netWgt": 2.5, "qty": {"kg": 1}, "period": 201501}']
    answer = read_text(tmp_path, f"[{','.join(texts)}]")

    assert answer.frame["netWgt"].to_list() == [None, 2.5]
    assert answer.frame["freqCode"].to_list() == ["M", "7"]
    assert answer.frame["qty"].to_list() == ["1", '{"kg": 1}']
    assert answer.frame["period"].to_list() == [None, 201501]


def test_a_stray_byte_costs_its_record_only(tmp_path: Path) -> None:
    answer = read_text(tmp_path, as_answer(*TEXTS).encode().replace("ú".encode(), b"\xfa"))

    assert answer.frame["row_number"].to_list() == [1, 3]
    assert answer.unreadable["row_number"].to_list() == [2]
    assert "Per\\xfa" in json.loads(answer.unreadable["raw_row"][0])


def test_a_new_field_is_named_wherever_it_first_appears(tmp_path: Path) -> None:
    answer = read_text(tmp_path, as_answer(*TEXTS, json.dumps(RECORDS[0] | {"confidence": 0.9})))

    assert answer.new_columns == ("confidence",)
    assert "confidence" not in answer.frame.columns


def test_the_layout_is_told_from_the_first_records_though_fields_are_left_out(tmp_path: Path) -> None:
    path = tmp_path / "answer.json"
    named = API.column_names
    path.write_text(json.dumps([dict.fromkeys(named[place::4], 1) for place in range(4)] * 500))

    assert detect_layout(path, [API]) is API


@pytest.mark.parametrize("text", ['{"message": "quota exceeded"}', '{\n "statusCode": 429,\n "message": "quota exceeded"\n}'])
def test_an_error_instead_of_data_is_one_clear_line(tmp_path: Path, text: str) -> None:
    with pytest.raises(UnreadableAnswerError, match=r"answer\.json: JSON without records: found .*quota exceeded"):
        read_text(tmp_path, text)
