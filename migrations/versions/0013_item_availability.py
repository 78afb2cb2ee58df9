"""Items that may be in no list.

Revision 0013.
"""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

revision: str = "0013"
down_revision: str | Sequence[str] | None = "0012"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None


def upgrade() -> None:
    """Add the column. All stored items are available."""
    op.add_column("items", sa.Column("available", sa.Boolean(), server_default=sa.true(), nullable=False))


def downgrade() -> None:
    """Drop the column. Hidden items are in lists again."""
    with op.batch_alter_table("items") as items:
        items.drop_column("available")
