"""Several workers on one run: leases of its blocks, the history of the adaptive limit, and indices for sums."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "lease",
        sa.Column("run", sa.Text(), nullable=False),
        sa.Column("block", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("first", sa.Integer(), nullable=False),
        sa.Column("last", sa.Integer(), nullable=False),
        sa.Column("token", sa.Integer(), server_default="0", nullable=False),
        sa.Column("worker", sa.Text(), server_default="", nullable=False),
        sa.Column("expires", sa.Float(), server_default="0", nullable=False),
        sa.Column("done", sa.Integer(), server_default="0", nullable=False),
        sa.ForeignKeyConstraint(["run"], ["run.id"]),
        sa.PrimaryKeyConstraint("run", "block"),
    )
    done = sa.text("done = 0")
    op.create_index("lease_open", "lease", ["run", "block"], sqlite_where=done, postgresql_where=done)
    op.create_table(
        "concurrency",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("run", sa.Text(), nullable=False),
        sa.Column("worker", sa.Text(), server_default="", nullable=False),
        sa.Column("provider", sa.Text(), server_default="", nullable=False),
        sa.Column("at", sa.Float(), nullable=False),
        sa.Column("width", sa.Integer(), nullable=False),
        sa.Column("reason", sa.Text(), server_default="", nullable=False),
        sa.Column("created_at", sa.Text(), server_default="", nullable=False),
        sa.ForeignKeyConstraint(["run"], ["run.id"]),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index(op.f("ix_concurrency_run"), "concurrency", ["run"], unique=False)
    # sums over a run's rows without reading the rows, which hold prompts and answers
    columns = ["run", "status", "model", "cost", "max_cost", "tokens_in", "tokens_out"]
    op.create_index("call_sums", "call", columns, unique=False)
    op.create_index("verdict_sums", "verdict", ["run", "status", "reason"], unique=False)


def downgrade() -> None:
    op.drop_index("verdict_sums", "verdict")
    op.drop_index("call_sums", "call")
    op.drop_table("concurrency")
    op.drop_table("lease")
