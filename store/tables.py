"""Which tables hold the records, and what keeps their rows sound?

Rows are inserted with Core from validated records; these classes are the schema, its keys and its checks. Columns named
in `JSON_COLUMNS` hold canonical JSON as text, the same bytes on SQLite and PostgreSQL. "None" in a key is `''`.
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import BigInteger, CheckConstraint, ForeignKeyConstraint, Index, Text, UniqueConstraint, text
from sqlalchemy.orm import registry
from sqlmodel import Field, SQLModel

from .records import OUTCOMES, STATUSES


class Table(SQLModel, registry=registry()):
    """Root of the tables: their own metadata, apart from any other SQLModel of the user's program."""


metadata = Table.metadata


def _one_of(column: str, values: tuple[str, ...]) -> str:
    return f"{column} IN ({', '.join(repr(value) for value in values)})"


def _text(default: str | None = "", **options: Any) -> Any:
    if default is None:
        return Field(default=None, sa_type=Text, nullable=True, **options)
    return Field(default=default, sa_type=Text, nullable=False, sa_column_kwargs={"server_default": default}, **options)


def _key(**options: Any) -> Any:
    return Field(sa_type=Text, nullable=False, **options)


def _item_of() -> ForeignKeyConstraint:
    return ForeignKeyConstraint(["dataset", "item"], ["item.dataset", "item.id"])


class MetaRow(Table, table=True):
    """What belongs to the store as a whole, such as the secret that its fences are made with."""

    __tablename__ = "meta"
    name: str = _key(primary_key=True)
    value: str = _key()


class DatasetRow(Table, table=True):
    """Where items came from, and how far they have been read."""

    __tablename__ = "dataset"
    id: str = _key(primary_key=True)
    name: str = _text()
    path: str = _text()
    format: str = _text()
    digest: str = _text()
    read_to: int = Field(default=0, sa_type=BigInteger, sa_column_kwargs={"server_default": "0"})
    lines: int = Field(default=0, sa_column_kwargs={"server_default": "0"})
    items: int = Field(default=0, sa_column_kwargs={"server_default": "0"})
    set_aside: int = Field(default=0, sa_column_kwargs={"server_default": "0"})
    faults: str = _text("[]")
    complete: int = Field(default=0, sa_column_kwargs={"server_default": "0"})
    created_at: str = _text()


class ItemRow(Table, table=True):
    """One thing to judge."""

    __tablename__ = "item"
    __table_args__ = (Index("item_in_order", "dataset", "position"), Index("item_parent", "dataset", "parent"))
    dataset: str = _key(primary_key=True, foreign_key="dataset.id")
    id: str = _key(primary_key=True)
    position: int = Field(default=0)
    prompt: str | None = _text(None)
    context: str | None = _text(None)
    reference: str | None = _text(None)
    meta: str = _text("{}")
    parent: str = _text()
    perturbation: str | None = _text(None)


class ResponseRow(Table, table=True):
    """One candidate answer to an item."""

    __tablename__ = "response"
    __table_args__ = (_item_of(),)
    dataset: str = _key(primary_key=True)
    item: str = _key(primary_key=True)
    id: str = _key(primary_key=True)
    position: int = Field(default=0)
    model: str | None = _text(None)
    text: str | None = _text(None)
    parts: str | None = _text(None)


class LabelRow(Table, table=True):
    """A label trusted more than the judge."""

    __tablename__ = "label"
    __table_args__ = (
        _item_of(),
        UniqueConstraint("dataset", "item", "annotator", "annotator_group", "sample", name="label_once"),
    )
    id: int | None = Field(default=None, primary_key=True)
    dataset: str = _key()
    item: str = _key()
    annotator: str = _text()
    annotator_group: str = _text()
    sample: int = Field(default=0)
    preferred: str | None = _text(None)
    scores: str | None = _text(None)
    criterion_scores: str | None = _text(None)
    source: str = _text()
    created_at: str = _text()


class PersonaRow(Table, table=True):
    """A position or a role, by the digest of its dossier."""

    __tablename__ = "persona"
    id: str = _key(primary_key=True)
    digest: str = _key(primary_key=True)
    kind: str = _text()
    status: str = _text()
    dossier: str = _text("{}")
    measured: str | None = _text(None)
    created_at: str = _text()


class PanelRow(Table, table=True):
    """An ordered set of personas or judges with its rules, by the digest of its description."""

    __tablename__ = "panel"
    id: str = _key(primary_key=True)
    digest: str = _key(primary_key=True)
    description: str = _text("{}")
    created_at: str = _text()


class JudgeRow(Table, table=True):
    """A judge, by the hash of its description."""

    __tablename__ = "judge"
    id: str = _key(primary_key=True)
    name: str = _text()
    model: str = _text()
    protocol: str = _text()
    description: str = _text("{}")
    prompt: str = _text()
    prompt_version: str = _text()
    prompt_digest: str = _text()
    created_at: str = _text()


class RunRow(Table, table=True):
    """One job: its data set, judge, plan, versions and status."""

    __tablename__ = "run"
    __table_args__ = (CheckConstraint(_one_of("status", ("open", "closed")), name="run_status"),)
    id: str = _key(primary_key=True)
    kind: str = _text("judge")
    dataset: str = _key(foreign_key="dataset.id")
    judge: str = _text()
    panel: str = _text()
    panel_digest: str = _text()
    parent: str = _text()
    plan: str = _text("{}")
    versions: str = _text("{}")
    status: str = _text("open")
    stopped: str = _text()
    seed: int = Field(default=0)
    set_aside: int = Field(default=0, sa_column_kwargs={"server_default": "0"})
    faults: str = _text("[]")
    created_at: str = _text()
    closed_at: str = _text()


class CallRow(Table, table=True):
    """One model call as sent and answered: the cache and the audit trail."""

    __tablename__ = "call"
    __table_args__ = (
        CheckConstraint(
            _one_of("status", ("sent", "ok", "hit", "refused", "truncated", "error", "unknown")), name="call_status"
        ),
        Index("call_answer", "key", sqlite_where=text("status = 'ok'"), postgresql_where=text("status = 'ok'")),
        Index("call_of_item", "run", "item"),
        Index("call_sums", "run", "status", "model", "cost", "max_cost", "tokens_in", "tokens_out"),  # covers them
    )
    id: int | None = Field(default=None, primary_key=True)
    key: str = _key()
    run: str = _key(foreign_key="run.id")
    dataset: str = _text()
    item: str = _text()
    judge: str = _text()
    persona: str = _text()
    arm: str = _text()
    step: str = _text()
    presentation: str = _text("[]")
    sample: int = Field(default=0)
    turn: int = Field(default=0)
    status: str = _text("sent")
    reason: str = _text()
    model: str = _text()
    endpoint: str = _text()
    road: str = _text()
    request: str = _text()
    response: str | None = _text(None)
    reasoning: str | None = _text(None)
    tool_calls: str | None = _text(None)
    logprobs: str | None = _text(None)
    finish_reason: str = _text()
    error: str = _text()
    attempts: int = Field(default=0)
    dropped: str = _text("[]")
    tokens_in: int | None = None
    tokens_out: int | None = None
    tokens_cached: int | None = None
    tokens_reasoning: int | None = None
    cost: float | None = None
    max_cost: float | None = None
    price_source: str = _text()
    served_model: str = _text()
    latency_ms: float | None = None
    source: int | None = Field(default=None)
    worker: str = _text()
    sent_at: str = _text()
    answered_at: str = _text()


_SAID = ("preferred", "p_first", "scores", "criterion_scores", "probabilities")


class VerdictRow(Table, table=True):
    """One judge's outcome on one item and presentation; append-only."""

    __tablename__ = "verdict"
    __table_args__ = (
        _item_of(),
        UniqueConstraint(
            "run", "item", "judge", "persona", "arm", "step", "presentation", "sample", name="verdict_once"
        ),
        CheckConstraint(_one_of("status", STATUSES), name="verdict_status"),
        CheckConstraint(
            f"status = 'ok' OR ({' AND '.join(f'{column} IS NULL' for column in _SAID)})", name="failure_is_no_verdict"
        ),
        CheckConstraint("p_first IS NULL OR (p_first >= 0 AND p_first <= 1)", name="verdict_p_first"),
        Index("verdict_sums", "run", "status", "reason"),
    )
    id: int | None = Field(default=None, primary_key=True)
    run: str = _key(foreign_key="run.id")
    dataset: str = _key()
    item: str = _key()
    judge: str = _key()
    persona: str = _text()
    arm: str = _text()
    step: str = _text()
    presentation: str = _key()
    sample: int = Field(default=0)
    status: str = _key()
    reason: str = _text()
    preferred: str | None = _text(None)
    p_first: float | None = None
    scores: str | None = _text(None)
    criterion_scores: str | None = _text(None)
    probabilities: str | None = _text(None)
    raw: str | None = _text(None)
    rationale: str | None = _text(None)
    rule: str = _text()
    road: str = _text()
    call: int | None = Field(default=None)
    prompt_version: str = _text()
    prompt_digest: str = _text()
    models: str | None = _text(None)
    created_at: str = _text()


class DecisionRow(Table, table=True):
    """What is reported for an item."""

    __tablename__ = "decision"
    __table_args__ = (
        _item_of(),
        CheckConstraint(_one_of("outcome", OUTCOMES), name="decision_outcome"),
        CheckConstraint("outcome = 'ok' OR preferred IS NULL", name="decision_prefers_only_when_ok"),
    )
    run: str = _key(primary_key=True, foreign_key="run.id")
    item: str = _key(primary_key=True)
    judge: str = _key(primary_key=True)
    arm: str = _text(primary_key=True)
    dataset: str = _key()
    outcome: str = _key()
    preferred: str | None = _text(None)
    share: float | None = None
    scores: str | None = _text(None)
    rule: str = _text()
    verdicts: int = Field(default=0)
    left_out: str = _text("{}")
    dissent: str = _text("[]")
    panel: str | None = _text(None)
    created_at: str = _text()


class LeaseRow(Table, table=True):
    """A block of a run's items, and which worker has it until when.

    `first` and `last` are a half-open range of places in the run's order; `token` counts how often the block was given
    out, so that whoever had it before is known as late; `expires` is in seconds since 1970 by the database's clock;
    `done` is 1 once all of its items are settled, 2 if some of them could not be judged.
    """

    __tablename__ = "lease"
    __table_args__ = (
        Index("lease_open", "run", "block", sqlite_where=text("done = 0"), postgresql_where=text("done = 0")),
    )
    run: str = _key(primary_key=True, foreign_key="run.id")
    block: int = Field(primary_key=True, sa_column_kwargs={"autoincrement": False})
    first: int = Field()
    last: int = Field()
    token: int = Field(default=0, sa_column_kwargs={"server_default": "0"})
    worker: str = _text()
    expires: float = Field(default=0.0, sa_column_kwargs={"server_default": "0"})
    done: int = Field(default=0, sa_column_kwargs={"server_default": "0"})


class ConcurrencyRow(Table, table=True):
    """How many calls a worker had in flight at most at a provider, from when on, and why it changed.

    `at` is in seconds since the worker began on the run.
    """

    __tablename__ = "concurrency"
    id: int | None = Field(default=None, primary_key=True)
    run: str = _key(foreign_key="run.id", index=True)
    worker: str = _text()
    provider: str = _text()
    at: float = Field(default=0.0)
    width: int = Field()
    reason: str = _text()
    created_at: str = _text()


class ToolCallRow(Table, table=True):
    """One tool call: what was asked, what came back, and what it implied."""

    __tablename__ = "tool_call"
    __table_args__ = (Index("tool_call_of_item", "run", "item"),)
    id: int | None = Field(default=None, primary_key=True)
    key: str = _key(index=True)
    run: str = _key(foreign_key="run.id")
    dataset: str = _text()
    item: str = _text()
    judge: str = _text()
    persona: str = _text()
    arm: str = _text()
    step: str = _text()
    presentation: str = _text("[]")
    sample: int = Field(default=0)
    round: int = Field(default=0)
    call: str = _text()
    tool: str = _key()
    tool_version: str = _text()
    raw_arguments: str = _text()
    arguments: str = _text()
    status: str = _key()
    reason: str = _text()
    result: str | None = _text(None)
    digest: str = _text()
    implied: str | None = _text(None)
    cited: int | None = None
    cost: float | None = None
    latency_ms: float | None = None
    source: int | None = None
    started_at: str = _text()


class CorpusRow(Table, table=True):
    """Texts that judges may search: where they came from, and the digest of what was read."""

    __tablename__ = "corpus"
    id: int | None = Field(default=None, primary_key=True)
    name: str = _key(unique=True)
    source: str = _text()
    digest: str = _text()
    documents: int = Field(default=0, sa_column_kwargs={"server_default": "0"})
    passages: int = Field(default=0, sa_column_kwargs={"server_default": "0"})
    faults: str = _text("[]")
    created_at: str = _text()


class CorpusPassageRow(Table, table=True):
    """A passage of a document of a corpus: what a search finds."""

    __tablename__ = "corpus_passage"
    corpus: int = Field(foreign_key="corpus.id", primary_key=True)
    number: int = Field(primary_key=True, sa_column_kwargs={"autoincrement": False})
    document: str = _text()
    position: int = Field(default=0)
    title: str = _text()
    url: str = _text()
    published: str = _text()
    text: str = _text()
    digest: str = _text()


class AnalysisRow(Table, table=True):
    """A result computed from verdicts: from which runs, with which options, by which command."""

    __tablename__ = "analysis"
    id: int | None = Field(default=None, primary_key=True)
    kind: str = _key()
    runs: str = _text("[]")
    options: str = _text("{}")
    command: str = _text()
    versions: str = _text("{}")
    created_at: str = _text()


class EstimateColumns(SQLModel):
    """The columns of an `Estimate`, the same in every typed table."""

    estimate: float | None = None
    standard_error: float | None = None
    low: float | None = None
    high: float | None = None
    level: float | None = None
    method: str = _text()
    n: int = Field(default=0)
    left_out: int = Field(default=0)
    reason: str = _text()


class AgreementRow(Table, EstimateColumns, table=True):
    """How far a judge agrees: with gold, with itself over presentations, with another judge."""

    __tablename__ = "agreement"
    id: int | None = Field(default=None, primary_key=True)
    analysis: int = Field(foreign_key="analysis.id", index=True)
    measure: str = _key()
    judge: str = _text()
    against: str = _text()
    subset: str = _text()
    worst: float | None = None
    best: float | None = None


class ToolsGainRow(Table, EstimateColumns, table=True):
    """What a judge's tools bring, and how it uses them."""

    __tablename__ = "tools_gain"
    id: int | None = Field(default=None, primary_key=True)
    analysis: int = Field(foreign_key="analysis.id", index=True)
    measure: str = _key()
    tool: str = _text()
    judge: str = _text()
    against: str = _text()
    gained: int | None = None
    lost: int | None = None
    p_value: float | None = None
    worst: float | None = None
    best: float | None = None


class PanelColumns(EstimateColumns):
    """The columns of what was measured of a panel and its personas: of whom, of which dossier, beside what."""

    panel: str = _text()
    persona: str = _text()
    digest: str = _text()
    judge: str = _text()
    against: str = _text()


class PersonaGateRow(Table, PanelColumns, table=True):
    """Whether a judge that speaks as a persona can still do what it can without."""

    __tablename__ = "persona_gate"
    id: int | None = Field(default=None, primary_key=True)
    analysis: int = Field(foreign_key="analysis.id", index=True)
    measure: str = _key()
    p_value: float | None = None
    lost: int | None = None


class PersonaFidelityRow(Table, PanelColumns, table=True):
    """How far a persona answers as the people do for whom it speaks."""

    __tablename__ = "persona_fidelity"
    id: int | None = Field(default=None, primary_key=True)
    analysis: int = Field(foreign_key="analysis.id", index=True)
    measure: str = _key()
    persona_group: str = _text()
    p_value: float | None = None


class PanelWorthRow(Table, PanelColumns, table=True):
    """Whether a panel beats what costs as much or less."""

    __tablename__ = "panel_worth"
    id: int | None = Field(default=None, primary_key=True)
    analysis: int = Field(foreign_key="analysis.id", index=True)
    measure: str = _key()
    p_value: float | None = None
    calls: float | None = None


class BiasEffectRow(Table, EstimateColumns, table=True):
    """How far a cue moves a judge."""

    __tablename__ = "bias_effect"
    id: int | None = Field(default=None, primary_key=True)
    analysis: int = Field(foreign_key="analysis.id", index=True)
    measure: str = _key()
    judge: str = _text()
    bias: str = _text()
    mitigation: str = _text()
    arm: str = _text()
    subset: str = _text()
    p_value: float | None = None
    q_value: float | None = None
    smallest_effect: float | None = None
    worst: float | None = None
    best: float | None = None


class DbgScoreRow(Table, EstimateColumns, table=True):
    """How far a judge favours its own answers."""

    __tablename__ = "dbg_score"
    id: int | None = Field(default=None, primary_key=True)
    analysis: int = Field(foreign_key="analysis.id", index=True)
    measure: str = _key()
    judge: str = _text()
    opponent: str = _text()
    gold: str = _text()
    subset: str = _text()
    arm: str = _text()
    conclusion: str = _text()
    p_value: float | None = None
    p_adjusted: float | None = None
    worst: float | None = None
    best: float | None = None


class FactorInfluenceRow(Table, EstimateColumns, table=True):
    """How far a factor goes with a preference."""

    __tablename__ = "factor_influence"
    id: int | None = Field(default=None, primary_key=True)
    analysis: int = Field(foreign_key="analysis.id", index=True)
    measure: str = _key()
    rater: str = _text()
    factor: str = _text()
    task: str = _text()
    p_value: float | None = None
    q_value: float | None = None


class PerspectivesRow(Table, EstimateColumns, table=True):
    """How many perspectives an answer gives room to."""

    __tablename__ = "perspectives"
    id: int | None = Field(default=None, primary_key=True)
    analysis: int = Field(foreign_key="analysis.id", index=True)
    measure: str = _key()
    model: str = _text()
    perspective: str = _text()
    subset: str = _text()


JSON_COLUMNS: dict[str, frozenset[str]] = {
    "analysis": frozenset({"runs", "options", "versions"}),
    "corpus": frozenset({"faults"}),
    "call": frozenset({"presentation", "dropped", "request", "tool_calls", "logprobs"}),
    "dataset": frozenset({"faults"}),
    "decision": frozenset({"scores", "left_out", "dissent", "panel"}),
    "item": frozenset({"prompt", "meta", "perturbation"}),
    "judge": frozenset({"description"}),
    "label": frozenset({"preferred", "scores", "criterion_scores"}),
    "panel": frozenset({"description"}),
    "persona": frozenset({"dossier", "measured"}),
    "response": frozenset({"parts"}),
    "run": frozenset({"plan", "versions", "faults"}),
    "tool_call": frozenset({"presentation", "arguments", "result", "implied"}),
    "verdict": frozenset({"presentation", "scores", "criterion_scores", "probabilities", "models"}),
}

VIEWS: dict[str, str] = {
    "verdicts_flat": """
CREATE VIEW verdicts_flat AS
SELECT v.run, r.kind AS run_kind, v.dataset, d.name AS dataset_name, v.item, v.judge, j.name AS judge_name,
       j.model AS judge_model, j.protocol, v.persona, v.arm, v.step, v.presentation, v.sample, v.status, v.reason,
       v.preferred, p.model AS preferred_model, v.p_first, v.scores, v.rule, v.road,
       COALESCE(v.raw, c.response, s.response) AS raw, v.rationale, c.cost, c.tokens_in, c.tokens_out, c.latency_ms,
       v.created_at
FROM verdict v
JOIN run r ON r.id = v.run
JOIN dataset d ON d.id = v.dataset
LEFT JOIN judge j ON j.id = v.judge
LEFT JOIN response p ON p.dataset = v.dataset AND p.item = v.item AND p.id = v.preferred
LEFT JOIN call c ON c.id = v.call
LEFT JOIN call s ON s.id = c.source""",
    "decisions_flat": """
CREATE VIEW decisions_flat AS
SELECT n.run, n.dataset, d.name AS dataset_name, n.item, i.prompt, n.judge, j.name AS judge_name,
       j.model AS judge_model, j.protocol, n.arm, n.outcome, n.preferred, p.model AS preferred_model, n.share, n.scores,
       n.rule, n.verdicts, n.left_out, n.dissent, n.panel, i.meta, n.created_at
FROM decision n
JOIN dataset d ON d.id = n.dataset
JOIN item i ON i.dataset = n.dataset AND i.id = n.item
LEFT JOIN judge j ON j.id = n.judge
LEFT JOIN response p ON p.dataset = n.dataset AND p.item = n.item AND p.id = n.preferred""",
}
