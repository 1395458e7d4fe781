"""Published tables as the service's own JSON: 47 fields a row, one answer per query, each with its manifest beside it."""

import gzip
import io
import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path

import numpy as np
import polars as pl

from tradeflow.sample.chance import hash_uniform
from tradeflow.sample.documents import FLOWS
from tradeflow.sample.geography import WORLD_CODE

ROWS_PER_ANSWER = 90_000
_ROWS_PER_WRITE = 20_000
# An address may have 4,096 characters.
_CODES_PER_QUERY = 400
_KILOGRAM, _LITRE, _NO_UNIT = 8, 7, -1
FIELDS = (
    "typeCode", "freqCode", "refPeriodId", "refYear", "refMonth", "period", "reporterCode", "reporterISO", "reporterDesc",
    "flowCode", "flowDesc", "partnerCode", "partnerISO", "partnerDesc", "partner2Code", "partner2ISO", "partner2Desc",
    "classificationCode", "classificationSearchCode", "isOriginalClassification", "cmdCode", "cmdDesc", "aggrLevel",
    "isLeaf", "customsCode", "customsDesc", "mosCode", "motCode", "motDesc", "qtyUnitCode", "qtyUnitAbbr", "qty",
    "isQtyEstimated", "altQtyUnitCode", "altQtyUnitAbbr", "altQty", "isAltQtyEstimated", "netWgt", "isNetWgtEstimated",
    "grossWgt", "isGrossWgtEstimated", "cifvalue", "fobvalue", "primaryValue", "legacyEstimationFlag", "isReported",
    "isAggregate",
)  # fmt: skip


@dataclass(frozen=True)
class ReporterStyle:
    """What does not change within one reporter's answers."""

    code: int
    uses_zero_for_null: bool
    marks_reported: bool
    gives_gross_weight: bool
    kg_per_litre: dict[int, float]


def to_answer_rows(table: pl.DataFrame, style: ReporterStyle, periods: np.ndarray, editions: np.ndarray) -> pl.DataFrame:
    """The 47 fields in the service's order. Descriptions are null, as without `includeDesc`."""
    month = table["month"].to_numpy()
    kg = pl.col("grams") / 1000.0
    litre = pl.col("code").replace_strict(style.kg_per_litre, default=None, return_dtype=pl.Float64)
    empty = pl.lit(0.0 if style.uses_zero_for_null else None, dtype=pl.Float64)
    has_weight = pl.col("grams").is_not_null()
    is_total = pl.col("partner") == WORLD_CODE
    is_detail = pl.lit(style.marks_reported) & ~is_total
    period = pl.Series("period_number", periods[month], dtype=pl.Int64)
    known = {
        "typeCode": pl.lit("C"),
        "freqCode": pl.lit("M"),
        "refPeriodId": pl.col("period_number") * 100 + 1,
        "refYear": pl.col("period_number") // 100,
        "refMonth": pl.col("period_number") % 100,
        "period": pl.col("period_number").cast(pl.String),
        "reporterCode": pl.lit(style.code, dtype=pl.Int64),
        "flowCode": pl.col("flow").cast(pl.Int64).replace_strict(dict(enumerate(FLOWS))),
        "partnerCode": pl.col("partner"),
        "partner2Code": pl.lit(0),
        "classificationCode": pl.col("edition"),
        "classificationSearchCode": pl.lit("HS"),
        "isOriginalClassification": pl.lit(True),
        "cmdCode": pl.col("code").cast(pl.String),
        "aggrLevel": pl.lit(6),
        "isLeaf": pl.lit(True),
        "customsCode": pl.lit("C00"),
        "mosCode": pl.lit("0"),
        "motCode": pl.lit(0),
        "qtyUnitCode": pl.when(has_weight).then(_KILOGRAM).otherwise(_NO_UNIT),
        "qty": pl.when(has_weight).then(kg).otherwise(empty),
        "isQtyEstimated": pl.col("is_quantity_estimated"),
        "altQtyUnitCode": pl.when(has_weight & litre.is_not_null()).then(_LITRE).otherwise(_NO_UNIT),
        "altQty": pl.when(has_weight & litre.is_not_null()).then((kg / litre).round(1)).otherwise(empty),
        "isAltQtyEstimated": pl.lit(False),
        "netWgt": pl.when(has_weight).then(kg).otherwise(empty),
        "isNetWgtEstimated": pl.col("is_weight_estimated"),
        "grossWgt": pl.when(has_weight & pl.lit(style.gives_gross_weight)).then((kg * 1.07).round(1)).otherwise(empty),
        "isGrossWgtEstimated": pl.lit(False),
        "cifvalue": pl.coalesce(pl.col("cif") / 1000.0, empty),
        "fobvalue": pl.coalesce(pl.col("fob") / 1000.0, empty),
        "primaryValue": pl.col("value") / 1000.0,
        "legacyEstimationFlag": pl.col("legacy_flag"),
        "isReported": is_detail,
        "isAggregate": ~is_detail,
    }
    blank = pl.lit(None, dtype=pl.String)
    with_month = table.with_columns(period, pl.Series("edition", editions[month], dtype=pl.String))
    return with_month.select(known.get(field, blank).alias(field) for field in FIELDS)


def _json_parts(rows: pl.DataFrame, seconds: float) -> Iterator[bytes]:
    yield f'{{"elapsedTime":"{seconds:.2f} secs","count":{len(rows)},"data":['.encode()
    for start in range(0, len(rows), _ROWS_PER_WRITE):
        sink = io.BytesIO()
        rows.slice(start, _ROWS_PER_WRITE).write_ndjson(sink)
        yield (b"," if start else b"") + sink.getvalue().rstrip(b"\n").replace(b"}\n{", b"},{")
    yield b'],"error":""}'


def write_answer(path: Path, rows: pl.DataFrame, query: dict[str, str], scope: dict[str, list[int] | list[str]],
                 retrieved_at: datetime) -> None:  # fmt: skip
    """One answer and its manifest; compressed without a time stamp, so the same world gives the same bytes."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("wb") as raw, gzip.GzipFile(filename="", mode="wb", fileobj=raw, mtime=0, compresslevel=4) as packed:
        for part in _json_parts(rows, 0.05 + len(rows) * 1e-5):
            packed.write(part)
    manifest = {
        "source": "comtrade",
        "query": query,
        "retrieved_at": retrieved_at.strftime("%Y-%m-%dT%H:%M:%SZ"),
        "licence": "simulated, no restriction",
        "scope": scope,
    }
    path.with_name(f"{path.name}.manifest.json").write_text(json.dumps(manifest) + "\n", encoding="utf-8")


def retrieval_time(day: int, reporter: int, seed: int) -> datetime:
    """A moment of the pull's day: the queries of one pull run one after the other."""
    seconds = 21_600 + reporter * 240 + int(200 * hash_uniform(seed, "retrieval", [day], [reporter])[0])
    return datetime.combine(date.fromordinal(day), time(tzinfo=UTC)) + timedelta(seconds=seconds)


def write_period_answers(folder: Path, rows: pl.DataFrame, reporter_code: int, periods: list[int], codes: list[str],
                         moment: datetime) -> int:  # fmt: skip
    """The answers to one query for some periods of a year, cut by code where the service would cut it; files written."""
    written = 0
    for number, (asked, part) in enumerate(_split_by_code(rows, codes)):
        query = {
            "typeCode": "C", "freqCode": "M", "clCode": "HS", "reporterCode": str(reporter_code),
            "period": ",".join(map(str, periods)), "cmdCode": ",".join(asked), "flowCode": ",".join(FLOWS),
            "customsCode": "C00", "motCode": "0", "partner2Code": "0", "breakdownMode": "classic", "includeDesc": "false",
        }  # fmt: skip
        scope: dict[str, list[int] | list[str]] = {
            "reporter_code": [reporter_code], "period": periods, "commodity_code": asked, "flow_code": list(FLOWS),
        }  # fmt: skip
        suffix = f"_{number + 1}" if number else ""
        name = f"comtrade_C_M_HS_{reporter_code}_{periods[0]}_{periods[-1]}{suffix}.json.gz"
        write_answer(folder / name, part, query, scope, moment)
        written += 1
    return written


def _split_by_code(rows: pl.DataFrame, codes: list[str]) -> Iterator[tuple[list[str], pl.DataFrame]]:
    """Blocks of codes short enough for one address and holding fewer rows than the service would cut at."""
    if len(rows) <= ROWS_PER_ANSWER and len(codes) <= _CODES_PER_QUERY:
        yield codes, rows
        return
    counts = dict(rows.group_by("cmdCode").len().iter_rows())
    asked: list[str] = []
    held = 0
    for code in codes:
        if asked and (held + counts.get(code, 0) > ROWS_PER_ANSWER or len(asked) >= _CODES_PER_QUERY):
            yield asked, rows.filter(pl.col("cmdCode").is_in(asked))
            asked, held = [], 0
        asked.append(code)
        held += counts.get(code, 0)
    yield asked, rows if len(asked) == len(codes) else rows.filter(pl.col("cmdCode").is_in(asked))
