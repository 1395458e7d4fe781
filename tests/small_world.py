"""A simulated world small enough to be run many times: one answer for each pull of the simulated client, not one for each query."""

import gzip
import json
from dataclasses import dataclass
from pathlib import Path

from click.testing import CliRunner

from tradeflow.cli import main
from tradeflow.lake import Lake
from tradeflow.sample import write_world


def write_answers(folder: Path) -> Path:
    """Write some 10,000 rows as 13 answers `<date>.json.gz` with their manifests, which claim no more than the rows themselves say."""
    world = folder / "world"
    write_world(world, size=10_000, seed=3)
    answers = folder / "answers"
    answers.mkdir()
    for day in sorted((world / "answers").iterdir()):
        records = [record for file in sorted(day.glob("*.json.gz")) for record in json.loads(gzip.decompress(file.read_bytes()))["data"]]
        put_answer(answers, day.name, records)
    return answers


def put_answer(folder: Path, day: str, records: list[dict[str, object]], scope: dict[str, object] | None = None) -> Path:
    """Write one answer of the simulated service, retrieved at six in the morning of that day."""
    answer = {"elapsedTime": "0.1 secs", "count": len(records), "data": records, "error": ""}
    manifest = {
        "source": "comtrade",
        "query": {"pulled": day},
        "retrieved_at": f"{day}T06:00:00Z",
        "licence": "simulated, no restriction",
        "scope": scope or {},
    }
    folder.mkdir(exist_ok=True)
    path = folder / f"{day}.json.gz"
    path.write_bytes(gzip.compress(json.dumps(answer).encode(), mtime=0))
    path.with_name(f"{path.name}.manifest.json").write_text(json.dumps(manifest))
    return path


def read_records(path: Path) -> list[dict[str, object]]:
    """Return the records of an answer."""
    records: list[dict[str, object]] = json.loads(gzip.decompress(path.read_bytes()))["data"]
    return records


@dataclass(frozen=True)
class FinishedRun:
    """A lake, and what the command line printed while it was made."""

    lake: Lake
    exit_code: int
    stdout: str
    stderr: str


def run_command(answers: Path, lake: Path, *options: str) -> FinishedRun:
    """Run `tradeflow run` in this process."""
    result = CliRunner().invoke(main, ["run", "--input", str(answers), "--lake", str(lake), *options], catch_exceptions=False)
    return FinishedRun(Lake(lake), result.exit_code, result.stdout, result.stderr)
