"""The pages of the house itself: the door, one's own account, everybody's accounts, the purpose of a visit, the audit log."""

from fastapi import APIRouter

from tradeflow.serve.house import accounts, audit, door, openid, purpose

ROUTERS: list[APIRouter] = [door.router, openid.router, purpose.router, accounts.router, audit.router]
