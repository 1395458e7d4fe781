"""Makes one call of UN Comtrade's v1 API: waits for its turn, tries again what may pass, says plainly what will not.

The subscription key travels in a header and nowhere else: no URL, message, manifest or log line holds it.
"""

from __future__ import annotations

import math
import random
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from importlib.metadata import version
from ipaddress import ip_address

import httpx

from tradeflow.exceptions import SettingsError, SourceError
from tradeflow.pull.comtrade_answer import AnswerRefusedError, error_message
from tradeflow.settings import ComtradeSource

_FIRST_DELAY_SECONDS = 2.0
_LONGEST_DELAY_SECONDS = 120.0
# A service that asks for more patience than this is asking for another run, not for a process that sleeps.
_LONGEST_WAIT_SECONDS = 900.0


class NoAnswerError(AnswerRefusedError):
    """The service failed or dropped the connection at every attempt."""


class QueryTooLongError(SourceError):
    """A URL beyond what the service accepts: the query has to be split."""


class PullStoppedError(SourceError):
    """Nothing more can be asked now: key refused, quota or the day's calls used up, or a longer wait asked for."""


@dataclass(frozen=True)
class Clock:
    """The time and how to let it pass; tests pass their own."""

    now: Callable[[], datetime]
    sleep: Callable[[float], None]


REAL_CLOCK = Clock(now=lambda: datetime.now(UTC), sleep=time.sleep)


@dataclass(frozen=True)
class Caller:
    """What every call needs; `calls` holds the start of each call of this run, `earlier_calls` counts those of the day before it."""

    http: httpx.Client = field(repr=False)
    source: ComtradeSource
    clock: Clock
    report_progress: Callable[[str], None]
    key: str | None = field(default=None, repr=False)
    earlier_calls: int = 0
    calls: list[datetime] = field(default_factory=list)


@contextmanager
def open_caller(
    source: ComtradeSource, key: str | None, clock: Clock, report_progress: Callable[[str], None], earlier_calls: int = 0
) -> Iterator[Caller]:
    """Open the connection; SettingsError where the key cannot be sent, or would be sent unencrypted."""
    headers = {"User-Agent": f"tradeflow/{version('tradeflow')}", "Accept": "application/json"}
    if key is not None:
        _check_key(key, source)
        headers["Ocp-Apim-Subscription-Key"] = key
    with httpx.Client(headers=headers, timeout=source.timeout_seconds, follow_redirects=False) as http:
        yield Caller(http, source, clock, report_progress, key, earlier_calls)


def ask(caller: Caller, url: str) -> bytes:
    """Return the body of the answer with status 200, trying up to `attempts` times what may pass.

    Raises NoAnswerError, AnswerRefusedError, QueryTooLongError or PullStoppedError.
    """
    for attempt in range(1, caller.source.attempts + 1):
        _wait_for_turn(caller)
        reply = _send(caller, url)
        if isinstance(reply, httpx.Response) and reply.status_code == httpx.codes.OK:
            return reply.content
        trouble = reply if isinstance(reply, str) else _name_trouble(caller, reply)
        delay = _wait_asked_for(caller, reply) if isinstance(reply, httpx.Response) else None
        if attempt == caller.source.attempts:
            break
        delay = _growing_delay(attempt) if delay is None else delay
        caller.report_progress(f"UN Comtrade: {trouble}; attempt {attempt} of {caller.source.attempts}, next in {delay:.0f} s")
        caller.clock.sleep(delay)
    if isinstance(reply, httpx.Response) and reply.status_code in (403, 429):
        raise PullStoppedError(f"{trouble}, at each of {attempt} attempts; lower `calls_per_minute` or run again later")
    raise NoAnswerError(f"{trouble}, at each of {attempt} attempts; the next run asks again")


def _send(caller: Caller, url: str) -> httpx.Response | str:
    caller.calls.append(caller.clock.now())
    try:
        return caller.http.get(url)
    except httpx.RequestError as error:
        return _without_key(caller, f"no whole answer came: {error or type(error).__name__}")


def _name_trouble(caller: Caller, response: httpx.Response) -> str:
    """Return what an answer that may pass says; raise what no second attempt can mend."""
    status = response.status_code
    said = _without_key(caller, error_message(response.content))
    trouble = f"status {status}" + (f" ({said})" if said else "")
    if status in (httpx.codes.REQUEST_URI_TOO_LONG, httpx.codes.REQUEST_HEADER_FIELDS_TOO_LARGE):
        raise QueryTooLongError(trouble)
    if status == 401 or (status == 403 and "retry-after" not in response.headers):
        raise PullStoppedError(f"{trouble}: the key was refused or its quota is used up; look at {_key_advice(caller)}")
    if response.is_redirect:
        place = response.headers.get("location", "nowhere")
        raise AnswerRefusedError(f"{trouble}: sent on to {_without_key(caller, place)}, which is not followed; look at the setting `url`")
    if status in (403, 408, 429) or response.is_server_error:
        return trouble
    raise AnswerRefusedError(f"{trouble}: the service does not accept the query")


def _key_advice(caller: Caller) -> str:
    return f"the environment variable {caller.source.key_variable}" if caller.key else "getting a key: none was given"


def _wait_asked_for(caller: Caller, response: httpx.Response) -> float | None:
    """Return the seconds that Retry-After asks for, None where it asks for none; PullStoppedError where they are too many."""
    stated = response.headers.get("retry-after", "").strip()
    seconds = _read_wait(stated, caller.clock.now())
    if seconds is not None and seconds > _LONGEST_WAIT_SECONDS:
        again = caller.clock.now() + timedelta(seconds=min(seconds, 366 * 86_400))
        trouble = _name_trouble(caller, response)
        raise PullStoppedError(f"{trouble}: the service asks not to be called before {again:%Y-%m-%d %H:%M %Z}; run again then")
    return seconds


def _read_wait(stated: str, now: datetime) -> float | None:
    if stated.isdecimal():
        return float(stated)
    try:
        moment = parsedate_to_datetime(stated)
    except ValueError:
        return None
    moment = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    return max(0.0, (moment - now).total_seconds())


def _growing_delay(attempt: int) -> float:
    grown = _FIRST_DELAY_SECONDS * math.pow(2, attempt - 1) * random.uniform(1, 1.5)
    return min(grown, _LONGEST_DELAY_SECONDS)


def _wait_for_turn(caller: Caller) -> None:
    """Keep `calls_per_minute` by spacing the calls out, and `calls_per_day` by stopping."""
    made = caller.earlier_calls + len(caller.calls)
    if made >= caller.source.calls_per_day:
        raise PullStoppedError(
            f"the {caller.source.calls_per_day:,} calls of a day (setting `calls_per_day`) are used up; "
            "run again tomorrow, it goes on where this run stopped"
        )
    if caller.calls:
        passed = (caller.clock.now() - caller.calls[-1]).total_seconds()
        remaining = 60 / caller.source.calls_per_minute - passed
        if remaining > 0:
            caller.clock.sleep(remaining)


def _without_key(caller: Caller, text: str) -> str:
    return text.replace(caller.key, "[key]") if caller.key else text


def _check_key(key: str, source: ComtradeSource) -> None:
    if not (key.isascii() and key.isprintable() and key.strip() == key and key):
        raise SettingsError(
            f"the subscription key in {source.key_variable} is empty, or holds a space at its end, a line break or a character beyond "
            "ASCII (its value is not shown); set it again, or unset it to ask the public preview"
        )
    url = httpx.URL(source.url)
    if url.scheme != "https" and not _is_this_machine(url.host):
        raise SettingsError(f"`url` is {source.url!r}: a key is sent over https:// only; mend `url` or unset {source.key_variable}")


def _is_this_machine(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
