"""The same questions as the pages, for programs."""

from fastapi import APIRouter

from tradeflow.serve.api import companies, match, release, run, signals, watching

ROUTERS: list[APIRouter] = [release.router, run.router, signals.router, companies.router, match.router, watching.router]
