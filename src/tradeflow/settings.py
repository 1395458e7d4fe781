"""What we choose to run: one TOML file, checked whole before anything starts.

Every setting has its default here and its meaning beside it; `config/default.toml` names those that a team will want to change first.
"""

from __future__ import annotations

import json
import os
import tomllib
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal, Self

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator

from tradeflow.exceptions import SettingsError

if TYPE_CHECKING:
    from pydantic_core import ErrorDetails

Share = Annotated[float, Field(gt=0, lt=1)]
Weight = Annotated[float, Field(ge=0, le=1)]


def _check_month(period: int) -> int:
    if not (1962 <= period // 100 <= 2100 and 1 <= period % 100 <= 12):
        raise ValueError("expected a month as YYYYMM")
    return period


Month = Annotated[int, AfterValidator(_check_month)]

_RULE_WEIGHTS = {
    "excess_import": 1.0,
    "mirror_gap": 1.0,
    "missing_mirror": 0.8,
    "new_route": 0.7,
    "unit_value_outlier": 0.7,
    "isolated_flow": 0.5,
    "above_requirement": 1.0,
    "hub_detour": 0.7,
    "displacement": 0.7,
    "substitution": 0.7,
    "misdeclared_goods": 1.0,
    "unnotified_export": 1.0,
    "unlicensed_importer": 1.0,
    "split_consignment": 0.8,
    "out_of_profile": 0.8,
    "family_basket": 0.8,
    "broker_bottleneck": 0.6,
    "isolated_declaration": 0.4,
}
_EXPOSURE_WEIGHTS = {"own": 1.0, "shared": 0.8, "none": 0.6}


class _Section(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class FilesSource(_Section):
    """A folder of files in any declared layout."""

    kind: Literal["files"]
    path: Path
    """Folder or single file; CSV, Parquet or JSON, plain, .gz or .zip."""


class ComtradeSource(_Section):
    """UN Comtrade's v1 API."""

    kind: Literal["comtrade"]
    url: str = "https://comtradeapi.un.org"
    """Where the service answers; another address is for a mirror or a test server."""
    key_variable: str = "TRADEFLOW_COMTRADE_KEY"
    """Environment variable that holds the subscription key; without a key the public preview is asked (500 rows an answer)."""
    frequency: Literal["A", "M"] = "M"
    """A for annual figures, M for monthly ones."""
    reporters: tuple[int, ...] = ()
    """Reporter codes; empty asks for every reporter that the availability endpoint lists."""
    commodities: tuple[str, ...] = ()
    """HS codes; empty asks for the watched codes."""
    flows: tuple[str, ...] = ("M", "X", "RM", "RX")
    """Flow codes to ask for: import, export, re-import, re-export."""
    first_period: int = 202001
    """First period to ask for: YYYYMM when monthly, YYYY when annual."""
    last_period: int | None = None
    """Empty: up to the newest period that is available."""
    calls_per_minute: Annotated[float, Field(gt=0)] = 10
    """Calls a minute at the most; the service refuses more."""
    calls_per_day: Annotated[int, Field(gt=0)] = 500
    """Calls within 24 hours at the most; a pull that reaches it stops and goes on the next day."""
    row_limit: Annotated[int, Field(gt=0)] = 100_000
    """Rows that one keyed answer may hold; an answer of exactly that many rows is treated as cut."""
    timeout_seconds: Annotated[float, Field(gt=0)] = 120
    """How long an answer is waited for."""
    attempts: Annotated[int, Field(ge=1)] = 5
    """How often one question is asked when the service does not answer it properly."""


Source = Annotated[FilesSource | ComtradeSource, Field(discriminator="kind")]


class Watch(_Section):
    """What is looked at; an empty list stands for everything that the sources hold."""

    reporters: tuple[int, ...] = ()
    """Areas whose trade is looked at, from either side; their codes."""
    commodities: tuple[Annotated[str, Field(pattern=r"^([0-9]{2}|[0-9]{4}|[0-9]{6})$")], ...] = ()
    """HS codes of 2, 4 or 6 digits without points, as the conformed rows carry them."""
    substances: tuple[str, ...] = ()
    """Watched substances, by their codes in `codelists/substance.csv`: their HS codes are looked at beside `commodities`."""
    first_period: Month | None = None
    """First month whose leads are published (YYYYMM); empty: `model.scored_months` back from the newest."""
    last_period: Month | None = None
    """Last month that a run sees (YYYYMM); empty: the newest."""
    overlay: Path | None = None
    """A private substance list (CSV with the columns of `codelists/substance.csv`) laid over the public one."""
    requirements: Path | None = None
    """What areas legitimately need in a year (CSV or XLSX with the columns of contract `source_annual_requirement`); empty:
    what the sources hold in that layout."""


class Reconcile(_Section):
    """How both sides of a trade are brought together."""

    prior_margin_rate: Annotated[float, Field(ge=0, le=0.25)] = 0.06
    """CIF/FOB margin that corridors without rows carrying both values are shrunk to."""
    prior_margin_weight: Annotated[float, Field(gt=0)] = 20
    """Rows that the prior counts for."""
    floor_sigma: Annotated[float, Field(gt=0)] = 0.05
    """Smallest standard deviation of a log error that any reporter is credited with."""
    habit_weight: Annotated[float, Field(gt=0)] = 6
    """Periods of no gap that a corridor's habitual gap is shrunk by."""
    threshold_usd: Annotated[float, Field(ge=0)] = 1000
    """Trade below it need not appear in statistics: a missing mirror of that size says nothing."""


class Model(_Section):
    """What counts as normal, and over which periods."""

    scored_months: Annotated[int, Field(ge=1)] = 12
    """Newest months whose leads are published; of annual figures as many whole years, one at the least."""
    calibration_months: Annotated[int, Field(ge=1)] = 24
    """Months before those, against which p-values are calibrated; of annual figures as many whole years."""
    min_history_months: Annotated[int, Field(ge=6)] = 18
    """Shortest history from which a monthly series is judged; an annual one needs five years."""
    detectable_false_alarm_rate: Share = 0.01
    """Share of ordinary periods called as well, at which the smallest detectable excess is stated."""
    detectable_power: Share = 0.80
    """Chance of being called that makes an excess detectable."""
    forest_trees: Annotated[int, Field(ge=10)] = 100
    """Trees of each isolation forest."""
    forest_seed: int = 1
    """The same seed grows the same forests on any machine."""


class Signals(_Section):
    """What becomes a lead, and how leads are ranked."""

    q_limit: Share = 0.10
    """Largest share of false leads that the flagged ones of a rule may be expected to hold."""
    p_limit: Share = 0.01
    """Largest p-value with which an unflagged signal is still listed below the flagged ones."""
    min_excess_kg: Annotated[float, Field(ge=0)] = 100
    """Leads about less than this weight are not published."""
    leads_per_code: Annotated[int, Field(ge=0)] = 10
    """Importers of a watched code whose strangest signals are listed even where nothing about them is rare."""
    weights: dict[str, Weight] = _RULE_WEIGHTS
    """What a rule counts for in the score that leads are ranked by; a rule that is not named keeps its default."""
    exposure_weights: dict[str, Weight] = _EXPOSURE_WEIGHTS
    """What a code counts for: its own substance's, a residual that also holds other goods, or not watched at all."""

    slip_weight: Annotated[float, Field(ge=0, le=1)] = 0.4
    """What a signal counts for whose likeliest reading is a slip of unit or decimal point: a lead about the record before the trade."""

    white_list_weight: Weight = 0.5
    """What a signal counts for on a company that stands on the white list for the substance."""
    notification_days: Annotated[int, Field(ge=0)] = 60
    """Days after its planned day up to which an export goes under a notification: sailings slip by weeks, and permits run for months."""
    notification_early_days: Annotated[int, Field(ge=0)] = 10
    """Days before its planned day from which an export goes under a notification."""
    licence_grace_days: Annotated[int, Field(ge=0)] = 30
    """Days for which a licence that ended still counts: renewals are decided late."""
    quantity_tolerance_ratio: Annotated[float, Field(ge=0)] = 0.10
    """Share by which a weight may be above what was notified or licensed: a last drum, another scale, wet for dry."""
    split_days: Annotated[int, Field(ge=4)] = 30
    """Days within which several consignments may count as one run; half and a quarter of them are looked at too."""
    leads_per_rule: Annotated[int, Field(ge=0)] = 20
    """Companies whose strangest signals by a rule are listed even where nothing about them is rare."""
    threshold_kg: dict[str, Annotated[float, Field(gt=0)]] = {}
    """Weights, by substance_code, below which a consignment needs no permission; where none is named, a usual consignment stands for it."""

    @field_validator("weights")
    @classmethod
    def _complete_weights(cls, given: dict[str, float]) -> dict[str, float]:
        return _lay_over(_RULE_WEIGHTS, given)

    @field_validator("exposure_weights")
    @classmethod
    def _complete_exposure_weights(cls, given: dict[str, float]) -> dict[str, float]:
        return _lay_over(_EXPOSURE_WEIGHTS, given)


def _lay_over(defaults: dict[str, float], given: dict[str, float]) -> dict[str, float]:
    if unknown := sorted(set(given) - set(defaults)):
        raise ValueError(f"{', '.join(unknown)} is not known; known are {', '.join(defaults)}")
    return defaults | given


class Declarations(_Section):
    """Which declarations are proposed for inspection, and which outcomes judge the proposals."""

    inspected_share: Share = 0.10
    """Share of the scored declarations that can be inspected."""
    audit_share: Share = 0.10
    """Share of the inspections that is drawn by chance, so that the figures stay honest and new schemes are found."""
    judged_months: Annotated[int, Field(ge=1)] = 3
    """Newest months of known outcomes that a run learns nothing from: they tell how well what is older ranks them."""


class Companies(_Section):
    """How the companies that declarations name are told apart."""

    linker: Literal["rules", "splink"] = "rules"
    """Links by rules that a person can read, or by weights that Splink learns from the names (extra `companies`)."""
    decisions: Path | None = None
    """What people decided on two spellings (CSV with the columns of contract `entity_decision`): every run follows it."""
    licensed_operators: Path | None = None
    """Licences, end-use declarations and white list (CSV or XLSX with the columns of contract `source_licensed_operator`)."""
    pre_export_notifications: Path | None = None
    """Pre-export notifications (CSV or XLSX with the columns of contract `source_pre_export_notification`)."""
    precursor_incidents: Path | None = None
    """Seizures, thefts, stopped shipments (CSV or XLSX with the columns of contract `source_precursor_incident`)."""


class Publish(_Section):
    """What the release shows."""

    leads: Annotated[int, Field(ge=1)] = 50
    """Leads shown in full in the report."""
    companies: bool = True
    """Whether the release holds companies and their declarations; false leaves them out of every file, the report and the serving database,
    so that it can be shared."""
    title: str = "tradeflow"
    """Name at the head of the report."""
    is_current: bool = True
    """Whether the release becomes the one that `tradeflow signals` and the application show."""


class OpenId(_Section):
    """Sign-in through the organisation's own service (OpenID Connect), beside the accounts of `tradeflow user`."""

    issuer: Annotated[str, Field(pattern="^https?://")]
    """Address of the service, as its own configuration names it."""
    client_id: str
    """The name that the service knows this application by."""
    secret_variable: str = "TRADEFLOW_OPENID_SECRET"
    """Environment variable that holds the secret that the service gave this application."""
    role_claim: str = "roles"
    """The claim of the service's answer that names a person's groups."""
    roles: dict[str, Literal["viewer", "analyst", "investigator", "administrator"]] = {}
    """Role of each group; of several the last listed counts, and who is in none of them is turned away."""


class Serve(_Section):
    """The application that people open (`tradeflow serve`)."""

    host: str = "127.0.0.1"
    """Address to listen at; another than this machine's own is refused without an encrypted `public_url` or a certificate."""
    port: Annotated[int, Field(ge=1, le=65535)] = 8383
    """Port to listen at."""
    public_url: Annotated[str, Field(pattern=r"^(https?://([^/:@]+|\[[0-9a-fA-F:]+\])(:[0-9]{1,5})?)?$")] = ""
    """What people type, behind a proxy: `https://name`, encrypted unless it is this machine; empty: the host and port above."""
    certificate: Path | None = None
    """TLS certificate (PEM), to encrypt without a proxy."""
    certificate_key: Path | None = None
    """Its private key."""
    session_hours: Annotated[int, Field(ge=1, le=168)] = 12
    """After so long everybody signs in again."""
    idle_minutes: Annotated[int, Field(ge=5)] = 60
    """A session that was not used for so long is over."""
    purpose_minutes: Annotated[int, Field(ge=5)] = 60
    """How long companies can be opened under one stated purpose."""
    requests_per_minute: Annotated[int, Field(ge=10)] = 600
    """Requests a minute from one address at the most."""
    sign_ins_per_minute: Annotated[int, Field(ge=1)] = 10
    """Tries to sign in a minute, from one address and to one account, at the most."""
    audit_folder: Path | None = None
    """Where the audit log's key and anchor lie, best on another disk; empty: beside the case store."""
    openid: OpenId | None = None
    """The organisation's sign-in service; empty: only accounts of `tradeflow user`."""


class Operation(_Section):
    """A watch operation: a few substances, a region, a time. `tradeflow run --operation NAME` looks at nothing else and is titled by it."""

    name: Annotated[str, Field(min_length=1, max_length=80)]
    """What the operation is called: the title of its report and table."""
    substances: Annotated[tuple[str, ...], Field(min_length=1, max_length=5)]
    """One to five watched substances, by their codes in `codelists/substance.csv`."""
    areas: tuple[int, ...] = ()
    """UN M49 codes of the areas that make up the region, looked at from either side; empty: those of `watch.reporters`."""
    first_period: Month
    """First month of the operation (YYYYMM)."""
    last_period: Month | None = None
    """Last month (YYYYMM); empty: the operation goes on."""

    @model_validator(mode="after")
    def _end_after_beginning(self) -> Self:
        if self.last_period is not None and self.last_period < self.first_period:
            raise ValueError(f"last_period {self.last_period} lies before first_period {self.first_period}")
        return self


class Settings(_Section):
    """All settings of one run."""

    sources: tuple[Source, ...] = ()
    watch: Watch = Watch()
    operations: tuple[Operation, ...] = ()
    reconcile: Reconcile = Reconcile()
    model: Model = Model()
    signals: Signals = Signals()
    declarations: Declarations = Declarations()
    companies: Companies = Companies()
    publish: Publish = Publish()
    serve: Serve = Serve()


def config_folder() -> Path:
    """Return where the shipped settings lie: inside an installed package, else beside `src/` in a checkout."""
    installed = Path(__file__).parent / "_config"
    return installed if installed.is_dir() else Path(__file__).parents[2] / "config"


def load_settings(path: Path | None = None) -> Settings:
    """Read a settings file, by default the shipped one; SettingsError with the place of each fault. Paths are relative to the file."""
    path = path or config_folder() / "default.toml"
    try:
        # Windows editors write a byte order mark, which TOML does not allow.
        document = tomllib.loads(path.read_text(encoding="utf-8-sig"))
    except FileNotFoundError:
        raise SettingsError(f"no settings file {path}; `--config` names one, config/default.toml is an example") from None
    except UnicodeDecodeError as error:
        raise SettingsError(f"{path}: cannot be read as TOML: byte {error.start + 1} is not UTF-8; save the file as UTF-8") from error
    except (OSError, tomllib.TOMLDecodeError) as error:
        raise SettingsError(f"{path}: cannot be read as TOML: {error}") from error
    try:
        # Strict: "12", 12.0 or true are no whole numbers. JSON, as strict Python would also refuse TOML's lists and paths.
        settings = Settings.model_validate_json(json.dumps(document, default=str), strict=True)
    except ValidationError as error:
        raise SettingsError(f"{path}: {'; '.join(_tell_fault(fault) for fault in error.errors())}") from error
    return _resolve_paths(settings, path.parent)


def _tell_fault(fault: ErrorDetails) -> str:
    # The kind of a source stands in pydantic's place without being a key of the file.
    place = ".".join(str(at) for number, at in enumerate(fault["loc"]) if not (fault["loc"][0] == "sources" and number == 2))
    if fault["type"] == "extra_forbidden":
        return f"{place}: there is no such setting"
    if fault["type"] in ("missing", "union_tag_not_found"):
        return f"{place}: {fault['msg']}"
    return f"{place}: {fault['msg']}, found {fault['input']!r}"


def read_only_input(settings: Settings, path: Path) -> Settings:
    """Return the settings with one folder or file as their only source."""
    return settings.model_copy(update={"sources": (FilesSource(kind="files", path=path),)})


def _resolve_paths(settings: Settings, folder: Path) -> Settings:
    sources = tuple(
        source.model_copy(update={"path": folder / source.path.expanduser()}) if isinstance(source, FilesSource) else source
        for source in settings.sources
    )
    sections = {name: _resolve_section(getattr(settings, name), folder) for name in ("watch", "companies")}
    return settings.model_copy(update={"sources": sources, **sections})


def _resolve_section(section: _Section, folder: Path) -> _Section:
    named = {name: value for name, value in section if isinstance(value, Path)}
    return section.model_copy(update={name: folder / path.expanduser() for name, path in named.items()})


def default_lake() -> Path:
    """Return where the lake lies when nobody names one: `TRADEFLOW_LAKE`, else a folder beside the user's other data."""
    named = os.environ.get("TRADEFLOW_LAKE")
    if named:
        return Path(named).expanduser()
    data_home = os.environ.get("XDG_DATA_HOME")
    return (Path(data_home) if data_home else Path.home() / ".local" / "share") / "tradeflow" / "lake"


def named_database() -> str | None:
    """Return the address of the database that `TRADEFLOW_DATABASE` names in place of a file in the lake; it may hold a password."""
    return os.environ.get("TRADEFLOW_DATABASE") or None
