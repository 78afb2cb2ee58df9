"""How many ratings of all items were made after the first new rating of each item.

Revision 0007.
"""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

revision: str = "0007"
down_revision: str | Sequence[str] | None = "0006"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None


def upgrade() -> None:
    """Add the column. The next count replaces the 0 of the rows that are there."""
    with op.batch_alter_table("item_popularity") as table:
        table.add_column(sa.Column("meanwhile_count", sa.BigInteger(), nullable=False, server_default="0"))
    with op.batch_alter_table("item_popularity") as table:
        table.alter_column("meanwhile_count", server_default=None)


def downgrade() -> None:
    """Forget these numbers."""
    with op.batch_alter_table("item_popularity") as table:
        table.drop_column("meanwhile_count")
