"""The same questions as the pages, for programs."""

from fastapi import APIRouter

ROUTERS: list[APIRouter] = []
