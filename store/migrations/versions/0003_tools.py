"""Tools: corpora that judges search, stored results found by their key, and what tools bring."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def _texts(*names: str, default: str = "") -> list[sa.Column[str]]:
    return [sa.Column(name, sa.Text(), server_default=default, nullable=False) for name in names]


def upgrade() -> None:
    # replaying looks a result up for every call
    op.create_index(op.f("ix_tool_call_key"), "tool_call", ["key"], unique=False)
    op.create_table(
        "corpus",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        *_texts("source", "digest"),
        sa.Column("documents", sa.Integer(), server_default="0", nullable=False),
        sa.Column("passages", sa.Integer(), server_default="0", nullable=False),
        *_texts("faults", default="[]"),
        *_texts("created_at"),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("name"),
    )
    op.create_table(
        "corpus_passage",
        sa.Column("corpus", sa.Integer(), nullable=False),
        sa.Column("number", sa.Integer(), autoincrement=False, nullable=False),
        *_texts("document"),
        sa.Column("position", sa.Integer(), nullable=False),
        *_texts("title", "url", "published", "text", "digest"),
        sa.ForeignKeyConstraint(["corpus"], ["corpus.id"]),
        sa.PrimaryKeyConstraint("corpus", "number"),
    )
    op.create_table(
        "tools_gain",
        sa.Column("estimate", sa.Float(), nullable=True),
        sa.Column("standard_error", sa.Float(), nullable=True),
        sa.Column("low", sa.Float(), nullable=True),
        sa.Column("high", sa.Float(), nullable=True),
        sa.Column("level", sa.Float(), nullable=True),
        *_texts("method"),
        sa.Column("n", sa.Integer(), nullable=False),
        sa.Column("left_out", sa.Integer(), nullable=False),
        *_texts("reason"),
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("analysis", sa.Integer(), nullable=False),
        sa.Column("measure", sa.Text(), nullable=False),
        *_texts("tool", "judge", "against"),
        sa.Column("gained", sa.Integer(), nullable=True),
        sa.Column("lost", sa.Integer(), nullable=True),
        sa.Column("p_value", sa.Float(), nullable=True),
        sa.Column("worst", sa.Float(), nullable=True),
        sa.Column("best", sa.Float(), nullable=True),
        sa.ForeignKeyConstraint(["analysis"], ["analysis.id"]),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index(op.f("ix_tools_gain_analysis"), "tools_gain", ["analysis"], unique=False)


def downgrade() -> None:
    for table in ("tools_gain", "corpus_passage", "corpus"):
        op.drop_table(table)
    op.drop_index(op.f("ix_tool_call_key"), "tool_call")
