"""The chart library and the charts' specifications: the same for everybody, so that they need no sign-in."""

from __future__ import annotations

from fastapi import APIRouter, Response

from tradeflow.serve.chart_assets import asset

router = APIRouter(include_in_schema=False)
_FOR_A_YEAR = {"Cache-Control": "public, max-age=31536000, immutable"}


@router.get("/assets/charts.js")
def send_chart_script() -> Response:
    """Vega, Vega-Lite and vega-embed as one script."""
    return Response(asset("charts.js"), media_type="text/javascript", headers=_FOR_A_YEAR)


@router.get("/assets/charts.json")
def send_specifications() -> Response:
    """The charts without their figures."""
    return Response(asset("charts.json"), media_type="application/json", headers=_FOR_A_YEAR)
