"""What people see: each page one module with its routes."""

from fastapi import APIRouter

from tradeflow.serve.pages import assets, companies, countries, run, signals

ROUTERS: list[APIRouter] = [assets.router, signals.router, companies.router, countries.router, run.router]
