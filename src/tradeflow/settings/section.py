"""What every part of the settings shares: unknown names are refused, values stand as they were read."""

from __future__ import annotations

from typing import Annotated

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

Share = Annotated[float, Field(gt=0, lt=1)]
Weight = Annotated[float, Field(ge=0, le=1)]


def _check_month(period: int) -> int:
    if not (1962 <= period // 100 <= 2100 and 1 <= period % 100 <= 12):
        raise ValueError("expected a month as YYYYMM")
    return period


Month = Annotated[int, AfterValidator(_check_month)]


class Section(BaseModel):
    """A part of the settings: frozen, and an unknown name in it is refused."""

    model_config = ConfigDict(extra="forbid", frozen=True)
