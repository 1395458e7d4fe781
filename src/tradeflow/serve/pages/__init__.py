"""What people see: each page one module with its routes."""

from fastapi import APIRouter

from tradeflow.serve.pages import assets, companies, countries, run, signals, views, watching

ROUTERS: list[APIRouter] = [each.router for each in (assets, signals, views, watching, companies, countries, run)]
