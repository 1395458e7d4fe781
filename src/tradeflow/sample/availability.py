"""The public answer that says which reporter-periods are published and when they last changed, once per pull."""

import json
from dataclasses import dataclass
from datetime import date
from pathlib import Path


@dataclass(frozen=True)
class Publication:
    """One version of one reporter's month as it stands on the service from a day on."""

    reporter_code: int
    reporter_iso: str
    reporter_name: str
    period: int
    edition: str
    first_day: int
    release_day: int
    records: int
    checksum: int


def _entry(publication: Publication) -> dict[str, object]:
    released = date.fromordinal(publication.release_day).isoformat()
    return {
        "datasetCode": int(f"30{publication.reporter_code:03d}{publication.period}202100"),
        "typeCode": "C",
        "freqCode": "M",
        "period": publication.period,
        "reporterCode": publication.reporter_code,
        "reporterISO": publication.reporter_iso,
        "reporterDesc": publication.reporter_name,
        "classificationCode": publication.edition,
        "classificationSearchCode": "HS",
        "isOriginalClassification": True,
        "isExtendedFlowCode": True,
        "isExtendedPartnerCode": False,
        "isExtendedPartner2Code": False,
        "isExtendedCmdCode": False,
        "isExtendedCustomsCode": False,
        "isExtendedMotCode": False,
        "totalRecords": publication.records,
        "datasetChecksum": publication.checksum,
        "firstReleased": f"{date.fromordinal(publication.first_day).isoformat()}T02:10:00",
        "lastReleased": f"{released}T02:10:00",
    }


def write_availability(folder: Path, publications: list[Publication], day: int) -> None:
    """What the availability endpoint answered on that day: the newest version of each reporter-period."""
    newest: dict[tuple[int, int], Publication] = {}
    for publication in sorted(publications, key=lambda one: (one.reporter_code, one.period, one.release_day)):
        if publication.release_day <= day:
            newest[publication.reporter_code, publication.period] = publication
    entries = [_entry(publication) for publication in newest.values()]
    answer = {"elapsedTime": "0.11 secs", "count": len(entries), "data": entries, "error": ""}
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{date.fromordinal(day).isoformat()}.json"
    path.write_text(json.dumps(answer), encoding="utf-8")
