"""What does `profile` ask models? Texts that a model reads, writing for scores, rewriting, levels drawn at random."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from ..text.errors import BadInput
from .judging import judge_named, names_in
from .plain import kept, leave_stopped, say

if TYPE_CHECKING:
    from ..agents.judge import Judge
    from ..analyses.profile_found import Options
    from ..graphs.extraction import Extracted
    from ..graphs.plan import Plan
    from ..reports.sections import Section
    from ..text.factors import Factor
    from .batch import Batch


@dataclass(frozen=True, slots=True)
class Experiments:
    """Which models are asked what."""

    extractor: Annotated[
        str,
        typer.Option("--extractor", help="Who reads the factors that need a model; two, commas between, to compare."),
    ] = ""
    generate: Annotated[
        str, typer.Option("--generate", help="A model that writes an answer for each score from 1 to 5.")
    ] = ""
    design: Annotated[
        Literal["conjoint"] | None,
        typer.Option("--design", help="`conjoint`: show the judge responses whose form is drawn at random: a cause."),
    ] = None
    pairs: Annotated[int, typer.Option("--pairs", min=1, help="Of drawn forms, for each prompt.")] = 1
    writer: Annotated[
        str, typer.Option("--writer", help="A model that writes the drawn forms; made by rule where none is named.")
    ] = ""
    rewrite: Annotated[
        str, typer.Option("--rewrite", help="A model that rewrites responses there and back: a cause.")
    ] = ""
    attribute: Annotated[Literal["length", "format"], typer.Option("--attribute", help="What is rewritten.")] = "length"
    words: Annotated[int, typer.Option("--words", min=0, help="How many words what is written may have; 0: any.")] = 0

    @property
    def asked(self) -> bool:
        """Whether any model is asked anything."""
        return bool(self.extractor or self.generate or self.design or self.rewrite)

    @property
    def judged(self) -> bool:
        """Whether a judge is asked."""
        return bool(self.design or self.rewrite)

    def readers(self, base_url: str | None) -> list[Judge]:
        """Who reads factors off texts.

        Raises:
            BadInput: if there are more than two.
        """
        names = names_in(self.extractor)
        if len(names) > 2:
            raise BadInput(f"`--extractor` names {len(names)} models.", way_out="one, or two to compare")
        return [judge_named(name, base_url=base_url) for name in names]


@dataclass(slots=True)
class Asked:
    """What came of it.

    Attributes:
        documents: by name, for JSON.
        sections: for people.
        extracted: what the first reader read; None where none was asked.
    """

    documents: dict[str, Any] = field(default_factory=dict)
    sections: list[Section] = field(default_factory=list)
    extracted: Extracted | None = None


@dataclass(frozen=True, slots=True)
class Asking:
    """The work on models of one command.

    Attributes:
        batch: what drives it.
        experiments: what was typed.
        dataset: the data set that is looked at.
        what: what was typed for it.
        factors: what is measured.
        options: how.
        plan: of every judge's run.
        base_url: the endpoint, as typed.
    """

    batch: Batch
    experiments: Experiments
    dataset: str
    what: str
    factors: Sequence[Factor]
    options: Options
    plan: Plan
    base_url: str | None = None

    def read(self, asked: Asked) -> None:
        """Have models read the factors that need one."""
        wanted = [factor for factor in self.factors if "model" in factor.needs]
        readers = self.experiments.readers(self.base_url)
        found = [self._extracted(self.dataset, reader) for reader in readers]
        asked.extracted = found[0]
        asked.documents["extracted"] = [one.to_dict() for one in found]
        for one in found:
            for (factor, reason), n in sorted(one.unknown.items()):
                say(f"note: {one.reader}: {factor} is unknown of {n} responses: {reason}")
        if len(found) > 1:
            asked.documents["extractor_agreement"] = self._agreement(found, wanted)

    def generate(self, asked: Asked) -> None:
        """Have a model write for scores, and hold that against people's labels."""
        from ..analyses.generation import generation_side
        from ..analyses.profile_experiments import GENERATION, generation_lines
        from ..graphs.generation import generate

        writer = judge_named(self.experiments.generate, base_url=self.base_url)
        made = self.batch.work(
            lambda o: generate(
                self.batch.study,
                self._items(),
                writer,
                words=self.experiments.words,
                **{"plan": self.plan, "pace": self.batch.pace, "name": self.what, "told": say, **o},
            )
        )
        self._go_on_or_leave(made.stopped)
        read = None
        if asked.extracted is not None:
            read = self._extracted(made.dataset, self.experiments.readers(self.base_url)[0])
        found = generation_side(
            self.batch.store,
            made.dataset,
            self.dataset,
            self.factors,
            writer=made.writer,
            twins=made.twins,
            group=self.options.group or None,
            extracted_written=None if read is None else read.column,
            extracted_people=None if asked.extracted is None else asked.extracted.column,
            level=self.options.level,
            resamples=self.options.resamples,
            seed=self.options.seed,
        )
        facts = {
            "factors": {one.name: [one.says, one.direction, one.language] for one in self.factors},
            "left_out": {**made.failed, **({"without a grade": made.ungraded} if made.ungraded else {})},
        }
        lines = generation_lines(found, made.manipulation)
        asked.documents["generation"] = {**made.to_dict(), **found.to_dict()}
        self._keep(asked, GENERATION, lines, runs=made.runs, flags=f"--generate {_typed(writer)}", facts=facts)

    def conjoint(self, asked: Asked, judge: Judge, typed: str) -> None:
        """Have the judge judge responses whose form was drawn at random."""
        from ..analyses.profile_experiments import CONJOINT, conjoint_lines
        from ..graphs.conjoint import live_conjoint

        name = self.experiments.writer
        writer = judge_named(name, base_url=self.base_url) if name else None
        found = self.batch.work(
            lambda o: live_conjoint(
                self.batch.study,
                self._items(),
                judge,
                writer=writer,
                pairs=self.experiments.pairs,
                seed=self.options.seed,
                words=self.experiments.words,
                **{"plan": self.plan, "pace": self.batch.pace, "name": self.what, "told": say, **o},
            )
        )
        self._go_on_or_leave(found.stopped)
        assert found.found is not None
        asked.documents["conjoint"] = found.to_dict()
        facts = {
            **{"judge": judge.id, "writer": found.writer, "left_out": dict(found.left_out)},
            "carried_out": {name: dict(shares) for name, shares in found.carried_out.items()},
        }
        lines = conjoint_lines(found.found, found.judge)
        flags = f"--design conjoint{typed}" + (f" --writer {shlex.quote(name)}" if name else "")
        flags += f" --pairs {self.experiments.pairs}" if self.experiments.pairs > 1 else ""
        self._keep(asked, CONJOINT, lines, runs=found.runs, flags=flags, facts=facts)

    def rewrites(self, asked: Asked, judge: Judge, typed: str) -> None:
        """Have responses rewritten there and back, and judged."""
        from ..analyses.profile_experiments import REWRITES, rewrite_lines
        from ..graphs.double_rewrites import double_rewrites

        writer = judge_named(self.experiments.rewrite, base_url=self.base_url)
        attribute = self.experiments.attribute
        found = self.batch.work(
            lambda o: double_rewrites(
                self.batch.study,
                self._items(),
                judge,
                writer,
                attribute=attribute,
                **{"plan": self.plan, "pace": self.batch.pace, "name": self.what, "told": say, **o},
            )
        )
        self._go_on_or_leave(found.stopped)
        assert found.effect is not None
        asked.documents["rewrites"] = found.to_dict()
        facts = {
            **{"judge": judge.id, "writer": found.writer, "measure": found.measure, "says": found.says},
            **{"left_out": dict(found.left_out), "notes": [*found.notes]},
        }
        flags = f"--rewrite {_typed(writer)} --attribute {attribute}{typed}"
        lines = rewrite_lines(found.effect, found.judge, attribute)
        self._keep(asked, REWRITES, lines, runs=found.runs, flags=flags, facts=facts)

    def _extracted(self, dataset: str, reader: Judge) -> Extracted:
        from ..graphs.extraction import extract_dataset

        found = self.batch.work(
            lambda o: extract_dataset(
                self.batch.study,
                dataset,
                reader,
                self.factors,
                **{"pace": self.batch.pace, "fresh": self.plan.fresh, **o},
            )
        )
        say(f"{found.run or 'nothing to read'}: {len(found)} responses read by {found.reader}")
        self._go_on_or_leave(found.stopped)
        return found

    def _agreement(self, found: Sequence[Extracted], wanted: Sequence[Factor]) -> dict[str, Any]:
        """How far two readers agree, factor by factor; told to people as well."""
        from ..metrics.extractors import extractor_agreement
        from ..store.datasets import item_pages

        told = {}
        responses = [
            (item.id, response.id)
            for page in item_pages(self.batch.store, self.dataset)
            for _, item in page
            for response in item.responses
        ]
        prompts = [item for item, _ in responses]
        for factor in wanted:
            columns = [one.column(factor.name, responses) for one in found]
            agreed = extractor_agreement(
                *columns,
                prompts=prompts,
                tolerance=factor.tolerance,
                level=self.options.level,
                resamples=self.options.resamples,
                seed=self.options.seed,
            )
            told[factor.name] = agreed.to_dict()
            say(f"{factor.name}: {found[0].reader} and {found[1].reader} agree by Spearman {agreed.spearman}")
        return told

    def _items(self) -> Any:
        """The items of the data set, as jobs take them: its file, where that is still what it was."""
        from ..store.datasets import dataset_id, find_dataset, item_pages
        from ..store.files import file_digest

        path = Path(find_dataset(self.batch.store, self.dataset).path or "-")
        if path.is_file() and dataset_id(file_digest(path)) == self.dataset:
            return path
        return [item for page in item_pages(self.batch.store, self.dataset, with_gold=True) for _, item in page]

    def _keep(
        self,
        asked: Asked,
        experiment: str,
        lines: Sequence[dict[str, Any]],
        *,
        runs: Sequence[str],
        flags: str,
        facts: dict[str, Any],
    ) -> None:
        """Keep an experiment, and make its section."""
        from ..analyses.profile_experiments import KIND, save_experiment
        from ..reports.profile import section
        from ..reports.sections import Analysis

        command = f"plurijudge profile {shlex.quote(self.what)} {flags}{self.batch.db_flag}"
        save = partial(save_experiment, self.batch.store, experiment, lines, runs=[*runs], command=command, facts=facts)
        number = kept(save)
        asked.documents[experiment]["analysis"] = number
        options = {"experiment": experiment, **facts}
        asked.sections.append(section(Analysis(number or 0, KIND, tuple(runs), options, command, "", lines)))

    def _go_on_or_leave(self, stopped: str) -> None:
        if stopped:
            flag = self.batch.db_flag
            say(f"stopped: {stopped}; type it again to go on: what was answered is not paid again{flag}")
            leave_stopped(stopped)


def _typed(judge: Judge) -> str:
    return shlex.quote(judge.title)
