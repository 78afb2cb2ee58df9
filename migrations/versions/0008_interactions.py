"""Interactions of users with items.

Revision 0008.
"""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

revision: str = "0008"
down_revision: str | Sequence[str] | None = "0007"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None


def upgrade() -> None:
    """Create the table of interactions."""
    op.create_table(
        "interactions",
        sa.Column("user_id", sa.String(128), nullable=False),
        sa.Column("event_id", sa.String(128), nullable=False),
        sa.Column("item_id", sa.String(128), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("occurred_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], name="fk_interactions_user_id", ondelete="CASCADE"),
        sa.ForeignKeyConstraint(["item_id"], ["items.id"], name="fk_interactions_item_id"),
        sa.PrimaryKeyConstraint("user_id", "event_id", name="pk_interactions"),
    )
    op.create_index("ix_interactions_occurred_at", "interactions", ["occurred_at"])


def downgrade() -> None:
    """Drop the table of interactions."""
    op.drop_table("interactions")
