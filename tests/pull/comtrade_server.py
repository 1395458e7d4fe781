"""A stand-in for UN Comtrade's v1 API on this machine: real HTTP, a small set of rows, and every way in which the service misbehaves."""

from __future__ import annotations

import contextlib
import json
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

PREVIEW_ROWS = 500
LONGEST_URL = 4096


def make_row(reporter: int, period: int, flow: str, partner: int, commodity: str, net_weight_kg: float = 1000.0) -> dict[str, Any]:
    """Return one row with the service's 47 fields, as the classic breakdown without descriptions gives them."""
    is_import = flow in ("M", "RM")
    value = net_weight_kg * 2
    return {
        "typeCode": "C",
        "freqCode": "M" if period > 9999 else "A",
        "refPeriodId": int(f"{period}01" if period > 9999 else f"{period}0101"),
        "refYear": period // 100 if period > 9999 else period,
        "refMonth": period % 100 if period > 9999 else 52,
        "period": str(period),
        "reporterCode": reporter,
        "reporterISO": None,
        "reporterDesc": None,
        "flowCode": flow,
        "flowDesc": None,
        "partnerCode": partner,
        "partnerISO": None,
        "partnerDesc": None,
        "partner2Code": 0,
        "partner2ISO": None,
        "partner2Desc": None,
        "classificationCode": "H6",
        "classificationSearchCode": "HS",
        "isOriginalClassification": True,
        "cmdCode": commodity,
        "cmdDesc": None,
        "aggrLevel": 6,
        "isLeaf": True,
        "customsCode": "C00",
        "customsDesc": None,
        "mosCode": "0",
        "motCode": 0,
        "motDesc": None,
        "qtyUnitCode": 8,
        "qtyUnitAbbr": None,
        "qty": net_weight_kg,
        "isQtyEstimated": False,
        "altQtyUnitCode": -1,
        "altQtyUnitAbbr": None,
        "altQty": 0.0,
        "isAltQtyEstimated": False,
        "netWgt": net_weight_kg,
        "isNetWgtEstimated": False,
        "grossWgt": 0.0,
        "isGrossWgtEstimated": False,
        "cifvalue": value if is_import else None,
        "fobvalue": None if is_import else value,
        "primaryValue": value,
        "legacyEstimationFlag": 0,
        "isReported": False,
        "isAggregate": True,
    }


def make_release(reporter: int, period: int, checksum: int = 1, last_released: str = "2024-06-01T00:00:00") -> dict[str, Any]:
    """Return one row of the availability endpoint, with its 20 fields."""
    extended = ["FlowCode", "PartnerCode", "Partner2Code", "CmdCode", "CustomsCode", "MotCode"]
    return {
        "datasetCode": int(f"30{reporter:03}{period}"),
        "typeCode": "C",
        "freqCode": "M" if period > 9999 else "A",
        "period": period,
        "reporterCode": reporter,
        "reporterISO": None,
        "reporterDesc": None,
        "classificationCode": "H6",
        "classificationSearchCode": "HS",
        "isOriginalClassification": True,
        **{f"isExtended{name}": False for name in extended},
        "totalRecords": 100,
        "datasetChecksum": checksum,
        "firstReleased": "2024-01-01T00:00:00",
        "lastReleased": last_released,
    }


@dataclass
class Request:
    """One call as it came in."""

    path: str
    parameters: dict[str, str]
    headers: dict[str, str]
    url: str

    @property
    def kind(self) -> str:
        """availability, count or data."""
        if "/getDA/" in self.path:
            return "availability"
        return "count" if self.parameters.get("countOnly") == "true" else "data"


@dataclass
class Misbehaviour:
    """What the server does instead of answering, while it applies; `body` may be made from the right one."""

    status: int = 200
    body: Callable[[bytes], bytes] = bytes
    headers: dict[str, str] = field(default_factory=dict)
    is_cut_off: bool = False
    delay_seconds: float = 0
    applies: Callable[[Request], bool] = lambda request: request.kind == "data"
    times: int = 1_000_000


@dataclass
class ComtradeServer:
    """The service's state; tests change it between pulls and read what was asked."""

    url: str = ""
    key: str = "0123456789abcdef"
    rows: list[dict[str, Any]] = field(default_factory=list)
    releases: list[dict[str, Any]] = field(default_factory=list)
    row_limit: int = 100_000
    longest_url: int = LONGEST_URL
    misbehaviours: list[Misbehaviour] = field(default_factory=list)
    requests: list[Request] = field(default_factory=list)
    answers: int = 0

    def asked(self, kind: str) -> list[Request]:
        """Return the calls of one kind, in order."""
        return [request for request in self.requests if request.kind == kind]

    def answer(self, request: Request) -> tuple[int, dict[str, str], bytes]:
        """Return status, headers and body as the service gives them."""
        if len(request.url) > self.longest_url:
            return 414, {"Content-Type": "text/html"}, b"<html><h1>Request-URI Too Long</h1></html>"
        is_keyed = request.path.startswith("/data/")
        if is_keyed and request.headers.get("ocp-apim-subscription-key") != self.key:
            return 401, {}, json.dumps({"statusCode": 401, "message": "Access denied due to invalid subscription key."}).encode()
        if request.kind == "availability":
            return 200, {}, self._envelope(select(self.releases, request))
        chosen = select(self.rows, request)
        if request.kind == "count":
            return 200, {}, self._envelope([], len(chosen) if is_keyed else min(len(chosen), PREVIEW_ROWS))
        return 200, {}, self._envelope(chosen[: self.row_limit if is_keyed else PREVIEW_ROWS])

    def _envelope(self, rows: list[dict[str, Any]], count: int | None = None) -> bytes:
        # The time that the service took is in every answer, so that no two answers are the same bytes.
        self.answers += 1
        elapsed = f"0.{self.answers:04} secs"
        document = {"elapsedTime": elapsed, "count": len(rows) if count is None else count, "data": rows, "error": ""}
        return json.dumps(document, separators=(",", ":")).encode()


def select(rows: list[dict[str, Any]], request: Request) -> list[dict[str, Any]]:
    """Return the rows that a call asks for; a filter that it does not name lets everything through."""
    asked = {
        name: set(request.parameters[name].split(","))
        for name in ("reporterCode", "period", "cmdCode", "flowCode", "partnerCode")
        if name in request.parameters
    }
    return [row for row in rows if all(str(row[name]) in values for name, values in asked.items())]


def _handler_of(server: ComtradeServer) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:  # noqa: N802
            parts = urlsplit(self.path)
            parameters = {name: values[0] for name, values in parse_qs(parts.query).items()}
            headers = {name.lower(): value for name, value in self.headers.items()}
            request = Request(parts.path, parameters, headers, f"http://{self.headers['Host']}{self.path}")
            server.requests.append(request)
            status, more, body = server.answer(request)
            trouble = next((each for each in server.misbehaviours if each.times and each.applies(request)), None)
            if trouble:
                trouble.times -= 1
                time.sleep(trouble.delay_seconds)
                status, more, body = trouble.status, trouble.headers, trouble.body(body)
            self.send_response(status)
            for name, value in {"Content-Type": "application/json; charset=utf-8", **more}.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            cut_off = bool(trouble and trouble.is_cut_off)
            # A client that ran out of patience is gone by now.
            with contextlib.suppress(BrokenPipeError, ConnectionResetError):
                self.wfile.write(body[: len(body) // 2] if cut_off else body)
            self.close_connection = cut_off

        def log_message(self, format: str, *args: Any) -> None:  # noqa: A002
            """Keep the tests' output clean."""

    return Handler


@contextlib.contextmanager
def run_comtrade_server() -> Iterator[ComtradeServer]:
    """Serve on a free port of this machine until the block ends."""
    server = ComtradeServer()
    http = ThreadingHTTPServer(("127.0.0.1", 0), _handler_of(server))
    server.url = f"http://127.0.0.1:{http.server_address[1]}"
    thread = threading.Thread(target=http.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    try:
        yield server
    finally:
        http.shutdown()
        http.server_close()
        thread.join()
