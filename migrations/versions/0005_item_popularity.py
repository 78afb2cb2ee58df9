"""How many have rated each item since a model was trained, and how.

Revision 0005.
"""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

revision: str = "0005"
down_revision: str | Sequence[str] | None = "0004"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None


def upgrade() -> None:
    """Create the table of counts and its version, and an index of the ratings that are counted."""
    op.create_table(
        "item_popularity",
        sa.Column("model_version", sa.String(128), nullable=False),
        sa.Column("item_id", sa.String(128), nullable=False),
        sa.Column("rating_count", sa.BigInteger(), nullable=False),
        sa.Column("rating_mean", sa.Double(), nullable=False),
        sa.Column("version", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(
            ["model_version"], ["model_versions.id"], name="fk_item_popularity_model_version", ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(["item_id"], ["items.id"], name="fk_item_popularity_item_id"),
        sa.PrimaryKeyConstraint("model_version", "item_id", name="pk_item_popularity"),
    )
    op.create_index("ix_item_popularity_model_version", "item_popularity", ["model_version", "version"])
    op.create_index("ix_ratings_rated_at", "ratings", ["rated_at", "item_id"])
    # The row that is there needs a value; after that nothing is the default.
    with op.batch_alter_table("current_versions") as table:
        table.add_column(sa.Column("popularity", sa.BigInteger(), nullable=False, server_default="0"))
    with op.batch_alter_table("current_versions") as table:
        table.alter_column("popularity", server_default=None)


def downgrade() -> None:
    """Forget the counts."""
    with op.batch_alter_table("current_versions") as table:
        table.drop_column("popularity")
    op.drop_index("ix_ratings_rated_at", "ratings")
    op.drop_table("item_popularity")
