"""Search of titles without accents, most popular first.

Revision 0009.
"""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

from app.storage.title_search import search_text

revision: str = "0009"
down_revision: str | Sequence[str] | None = "0008"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None

_AT_ONCE = 1000


def upgrade() -> None:
    """Add the training counts and fold the titles again. The next registration of a model fills in the counts."""
    op.add_column("items", sa.Column("training_count", sa.BigInteger(), nullable=False, server_default="0"))
    items = sa.table("items", sa.column("id"), sa.column("title"), sa.column("folded_title"))
    folding = items.update().where(items.c.id == sa.bindparam("item")).values(folded_title=sa.bindparam("folded"))
    after = ""
    while rows := op.get_bind().execute(_titles(items, after)).all():
        op.get_bind().execute(folding, [{"item": id_, "folded": search_text(title or id_)} for id_, title in rows])
        after = rows[-1].id


def downgrade() -> None:
    """Drop the training counts, and fold the case alone."""
    with op.batch_alter_table("items") as items:
        items.drop_column("training_count")
    op.execute("UPDATE items SET folded_title = lower(title)")


def _titles(items: sa.TableClause, after: str) -> sa.Select[tuple[str, str | None]]:
    return sa.select(items.c.id, items.c.title).where(items.c.id > after).order_by(items.c.id).limit(_AT_ONCE)
