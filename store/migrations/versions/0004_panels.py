"""Panels: how a decision came about, what personas were measured to be, and what a panel is worth."""

from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

FLAT = """
CREATE VIEW decisions_flat AS
SELECT n.run, n.dataset, d.name AS dataset_name, n.item, i.prompt, n.judge, j.name AS judge_name,
       j.model AS judge_model, j.protocol, n.arm, n.outcome, n.preferred, p.model AS preferred_model, n.share, n.scores,
       n.rule, n.verdicts, n.left_out, n.dissent, i.meta, n.created_at
FROM decision n
JOIN dataset d ON d.id = n.dataset
JOIN item i ON i.dataset = n.dataset AND i.id = n.item
LEFT JOIN judge j ON j.id = n.judge
LEFT JOIN response p ON p.dataset = n.dataset AND p.item = n.item AND p.id = n.preferred"""


def _texts(*names: str, default: str = "") -> list[sa.Column[Any]]:
    return [sa.Column(name, sa.Text(), server_default=default, nullable=False) for name in names]


def _estimate() -> list[sa.Column[Any]]:
    numbers = ("estimate", "standard_error", "low", "high", "level")
    counts = ("n", "left_out")
    return [
        *[sa.Column(name, sa.Float(), nullable=True) for name in numbers],
        *_texts("method"),
        *[sa.Column(name, sa.Integer(), nullable=False) for name in counts],
        *_texts("reason"),
    ]


def upgrade() -> None:
    op.add_column("decision", sa.Column("panel", sa.Text(), nullable=True))
    op.execute("DROP VIEW decisions_flat")
    op.execute(FLAT.replace("n.dissent, i.meta", "n.dissent, n.panel, i.meta"))
    for table, further in (
        (
            "persona_gate",
            [sa.Column("p_value", sa.Float(), nullable=True), sa.Column("lost", sa.Integer(), nullable=True)],
        ),
        ("persona_fidelity", [*_texts("persona_group"), sa.Column("p_value", sa.Float(), nullable=True)]),
        (
            "panel_worth",
            [sa.Column("p_value", sa.Float(), nullable=True), sa.Column("calls", sa.Float(), nullable=True)],
        ),
    ):
        op.create_table(
            table,
            *_estimate(),
            sa.Column("id", sa.Integer(), nullable=False),
            sa.Column("analysis", sa.Integer(), nullable=False),
            sa.Column("measure", sa.Text(), nullable=False),
            *_texts("panel", "persona", "digest", "judge", "against"),
            *further,
            sa.ForeignKeyConstraint(["analysis"], ["analysis.id"]),
            sa.PrimaryKeyConstraint("id"),
        )
        op.create_index(op.f(f"ix_{table}_analysis"), table, ["analysis"], unique=False)


def downgrade() -> None:
    for table in ("panel_worth", "persona_fidelity", "persona_gate"):
        op.drop_table(table)
    op.execute("DROP VIEW decisions_flat")
    op.drop_column("decision", "panel")
    op.execute(FLAT)
