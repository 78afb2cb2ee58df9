"""Two model versions at once, and what becomes of the lists that each makes.

Revision 0004.
"""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

revision: str = "0004"
down_revision: str | Sequence[str] | None = "0003"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None


def upgrade() -> None:
    """Add the challenger, events, and ratings with what was predicted of them."""
    # In SQL, because Alembic would add the reference by itself, which SQLite cannot; both databases take this.
    op.execute(
        "ALTER TABLE current_versions ADD COLUMN challenger_version VARCHAR(128) "
        "CONSTRAINT fk_current_versions_challenger_version REFERENCES model_versions (id)"
    )
    op.add_column("current_versions", sa.Column("challenger_percent", sa.Double(), nullable=True))
    op.create_table(
        "events",
        sa.Column("id", sa.String(128), nullable=False),
        sa.Column("type", sa.String(16), nullable=False),
        sa.Column("model_version", sa.String(128), nullable=False),
        sa.Column("user_id", sa.String(128), nullable=False),
        sa.Column("item_id", sa.String(128), nullable=False),
        sa.Column("rating", sa.Double(), nullable=True),
        sa.Column("occurred_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["model_version"], ["model_versions.id"], name="fk_events_model_version"),
        sa.ForeignKeyConstraint(["item_id"], ["items.id"], name="fk_events_item_id"),
        sa.PrimaryKeyConstraint("id", name="pk_events"),
    )
    op.create_index("ix_events_model_version", "events", ["model_version"])
    op.create_index("ix_events_user_id", "events", ["user_id"])
    op.create_table(
        "predicted_ratings",
        sa.Column("model_version", sa.String(128), nullable=False),
        sa.Column("user_id", sa.String(128), nullable=False),
        sa.Column("item_id", sa.String(128), nullable=False),
        sa.Column("rating", sa.Double(), nullable=False),
        sa.Column("predicted", sa.Double(), nullable=False),
        sa.Column("rated_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["model_version"], ["model_versions.id"], name="fk_predicted_ratings_model_version"),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], name="fk_predicted_ratings_user_id", ondelete="CASCADE"),
        sa.ForeignKeyConstraint(["item_id"], ["items.id"], name="fk_predicted_ratings_item_id"),
        sa.PrimaryKeyConstraint("model_version", "user_id", "item_id", name="pk_predicted_ratings"),
    )
    op.create_index("ix_predicted_ratings_user_id", "predicted_ratings", ["user_id"])


def downgrade() -> None:
    """Drop them."""
    op.drop_table("predicted_ratings")
    op.drop_table("events")
    with op.batch_alter_table("current_versions") as table:
        table.drop_column("challenger_percent")
        table.drop_column("challenger_version")
