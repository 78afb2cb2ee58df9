"""Scenarios, and the lists that events belong to.

Revision 0012.
"""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

revision: str = "0012"
down_revision: str | Sequence[str] | None = "0011"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None


def upgrade() -> None:
    """Create the table, and add the columns. It is unknown to which lists the stored events belong."""
    op.create_table(
        "scenarios",
        sa.Column("name", sa.String(64), nullable=False),
        sa.Column("settings", sa.JSON(none_as_null=True), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("name", name="pk_scenarios"),
    )
    op.add_column("events", sa.Column("recommendation_id", sa.String(128)))
    op.add_column("events", sa.Column("scenario", sa.String(64)))
    op.add_column("events", sa.Column("variant", sa.String(16)))
    op.add_column("events", sa.Column("position", sa.Integer()))
    op.create_index("ix_events_occurred_at", "events", ["occurred_at"])


def downgrade() -> None:
    """Drop the columns and the table."""
    op.drop_index("ix_events_occurred_at", "events")
    with op.batch_alter_table("events") as events:
        for column in ("position", "variant", "scenario", "recommendation_id"):
            events.drop_column(column)
    op.drop_table("scenarios")
