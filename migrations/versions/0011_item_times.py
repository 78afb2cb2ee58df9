"""When items were added to the catalogue.

Revision 0011.
"""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

revision: str = "0011"
down_revision: str | Sequence[str] | None = "0010"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None


def upgrade() -> None:
    """Add the column. It is unknown when the stored items were added."""
    op.add_column("items", sa.Column("created_at", sa.DateTime(timezone=True)))
    op.create_index("ix_items_created_at", "items", ["created_at"])


def downgrade() -> None:
    """Drop the column."""
    op.drop_index("ix_items_created_at", "items")
    with op.batch_alter_table("items") as items:
        items.drop_column("created_at")
