"""A saved view says which table it narrows; those that stand are of the table of country leads."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the kind."""
    op.add_column("saved_view", sa.Column("signal_kind", sa.Text, nullable=False, server_default="country"))


def downgrade() -> None:
    """Take it out again; views of company leads would narrow the wrong table."""
    op.execute("DELETE FROM saved_view WHERE signal_kind <> 'country'")
    op.drop_column("saved_view", "signal_kind")
