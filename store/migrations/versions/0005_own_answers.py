"""Self-preference: the arm, the p value over the whole matrix, the conclusion; what a call's first token might be."""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("dbg_score", sa.Column("arm", sa.Text(), server_default="", nullable=False))
    op.add_column("dbg_score", sa.Column("conclusion", sa.Text(), server_default="", nullable=False))
    op.add_column("dbg_score", sa.Column("p_adjusted", sa.Float(), nullable=True))
    op.add_column("call", sa.Column("logprobs", sa.Text(), nullable=True))


def downgrade() -> None:
    op.drop_column("call", "logprobs")
    for name in ("p_adjusted", "conclusion", "arm"):
        op.drop_column("dbg_score", name)
