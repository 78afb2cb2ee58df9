"""Which model version each one replaced.

Revision 0010.
"""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

revision: str = "0010"
down_revision: str | Sequence[str] | None = "0009"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None


def upgrade() -> None:
    """Add the column. It is unknown which versions were replaced so far."""
    op.add_column("model_versions", sa.Column("former_version", sa.String(128)))


def downgrade() -> None:
    """Drop the column."""
    with op.batch_alter_table("model_versions") as versions:
        versions.drop_column("former_version")
