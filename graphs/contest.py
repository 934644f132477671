"""Who takes part where judges judge their own answers, is gold independent of them, and what does it take?"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from ..agents.author import STYLE, Author, Checker, Restyler
from ..agents.families import family_of
from ..agents.judge import Judge
from ..store.records import TIE, Item
from ..text.errors import BadInput, BadJudge
from .authoring import given_by


@dataclass(frozen=True, slots=True)
class Contest:
    """Who takes part.

    Attributes:
        candidates: they answer and judge; at least two.
        gold: they only judge; of two families at least, none of them a candidate's.
        families: of models whose names tell none, by the judge's title or the model's name.
        writer: who puts answers into one style, for the arm `rewritten`; None for no such arm.
        checker: who says whether a rewriting says the same; the first gold judge where it is None.
        style: the style, in words; '' for a plain one.
        disclosed: whether candidates also judge with the authors' names told.
        allow_kin: whether gold judges may be of a candidate's family, of one family, or of an unknown one.
        words: how many words an answer may have, 0 for any number.
    """

    candidates: tuple[Judge, ...]
    gold: tuple[Judge, ...]
    families: Mapping[str, str] = field(default_factory=dict)
    allow_kin: bool = False
    words: int = 200
    writer: Judge | None = None
    checker: Judge | None = None
    style: str = ""
    disclosed: bool = False

    @classmethod
    def of(cls, candidates: Sequence[Judge | str], gold: Sequence[Judge | str], **options: Any) -> Contest:
        """From judges or models' names; of a name that alone is given, the judge may not answer with a tie.

        Args:
            candidates: they answer and judge.
            gold: they only judge.
            options: the other attributes, by name.
        """

        def judges(given: Sequence[Judge | str]) -> tuple[Judge, ...]:
            return tuple(one if isinstance(one, Judge) else Judge(one, ties=False) for one in given)

        return cls(judges(candidates), judges(gold), **options)

    @property
    def authors(self) -> tuple[Author, ...]:
        """The candidates as they answer."""
        return tuple(Author(one, words=self.words) for one in self.candidates)

    @property
    def restyler(self) -> Restyler | None:
        """Who puts answers into one style."""
        return None if self.writer is None else Restyler(self.writer, style=self.style or STYLE)

    @property
    def meaning(self) -> Checker:
        """Who says whether a rewriting says the same."""
        return Checker(self.checker or self.gold[0])

    @property
    def helpers(self) -> tuple[Author, ...]:
        """Who neither answers nor judges: the writer of rewritings, and who sees whether they say the same."""
        return () if self.restyler is None else (self.restyler, self.meaning)

    @property
    def judges(self) -> tuple[Judge, ...]:
        """Everybody who judges, gold last."""
        return (*self.candidates, *self.gold)

    def family(self, judge: Judge) -> str:
        """A judge's family, '' where nobody knows."""
        named = self.families.get(judge.title) or self.families.get(judge.model)
        return named or ("" if judge.function else family_of(judge.model))

    def check(self) -> tuple[str, ...]:
        """See that they can be held against each other; gives what every report must say of them.

        Raises:
            BadInput: if there are too few, one is named twice, or gold is not independent of the candidates.
            BadJudge: if a judge's description does not hold, or it does not compare pairs.
        """
        if len(self.candidates) < 2:
            raise BadInput("Self-preference needs two candidates at least.", way_out="--candidates model1,model2")
        if not self.gold:
            raise BadInput("There is no gold judge to hold the candidates against.", way_out="--gold model3,model4")
        for judge in self.judges:
            if judge.protocol != "pairwise":
                raise BadJudge(f"{judge.title} grades single responses; self-preference looks at pairs.")
            if judge.title == TIE:
                raise BadJudge("`tie` is reserved: name the judge otherwise.")
            judge.check()
        for what in ("title", "id"):
            twice = [name for name, n in Counter(getattr(one, what) for one in self.judges).items() if n > 1]
            if twice:
                who = next(one.title for one in self.judges if getattr(one, what) == twice[0])
                raise BadInput(f"`{who}` is named twice among candidates and gold.", way_out="name each once")
        for candidate in self.candidates:
            if candidate.function:
                raise BadInput(
                    f"`{candidate.title}` is a function of your own: it writes no answers.", way_out="a model's name"
                )
        if self.writer is not None and self.writer.title in {one.title for one in self.candidates}:
            raise BadInput(
                f"`{self.writer.title}` is a candidate: answers are rewritten by a third model.",
                way_out="--rewrite MODEL",
            )
        return self._kin()

    def _kin(self) -> tuple[str, ...]:
        """What stands against gold's independence.

        Raises:
            BadInput: if anything does and is not allowed.
        """
        known = {one.title: self.family(one) for one in self.judges}
        found = []
        for judge in self.gold:
            family = known[judge.title]
            kin = [one.title for one in self.candidates if family and known[one.title] == family]
            if kin:
                found.append(f"the gold judge {judge.title} is of the family of {', '.join(kin)} ({family})")
            if not family:
                found.append(f"the family of the gold judge {judge.title} is not known")
        unknown = [one.title for one in self.candidates if not known[one.title]]
        found += [f"the family of the candidate {name} is not known" for name in unknown]
        families = {known[judge.title] for judge in self.gold} - {""}
        if len(families) < 2:
            found.append(f"all gold is of one family ({', '.join(families) or 'unknown'})")
        if found and not self.allow_kin:
            raise BadInput(
                f"Gold is not shown to be independent: {'; '.join(found)}.",
                way_out="--gold of two other families, --family MODEL=FAMILY where a name tells none, or --allow-kin",
            )
        return tuple(found)

    def options(self) -> dict[str, Any]:
        """All of it as an analysis keeps it."""
        return {
            "candidates": [one.title for one in self.candidates],
            "gold": [one.title for one in self.gold],
            "families": {one.title: self.family(one) for one in self.judges},
            "allow_kin": self.allow_kin,
            "words": self.words,
            "writer": None if self.writer is None else self.writer.title,
            "checker": None if self.writer is None else self.meaning.title,
            "style": "" if self.restyler is None else self.restyler.style,
            "disclosed": self.disclosed,
        }


@dataclass(frozen=True, slots=True)
class Forecast:
    """How many calls it takes, without repairs.

    Attributes:
        prompts: how many there are.
        answers: calls for answers that did not come with the items.
        verdicts: calls for verdicts, if every candidate answers every prompt.
        rewritings: calls to rewrite answers, and to see whether they say the same; fewer of the latter where a rule has
            refused a rewriting, and then fewer verdicts.
        stored: how many of them are answered already.
    """

    prompts: int
    answers: int
    verdicts: int
    rewritings: int = 0
    stored: int = 0

    @property
    def calls(self) -> int:
        """All together."""
        return self.answers + self.verdicts + self.rewritings

    def to_dict(self) -> dict[str, Any]:
        """The fields by name."""
        return {
            **{"prompts": self.prompts, "answers": self.answers, "verdicts": self.verdicts},
            **({"rewritings": self.rewritings} if self.rewritings else {}),
            **{"calls": self.calls, "stored": self.stored},
        }

    def __str__(self) -> str:
        """One line for people."""
        had = f", {self.stored:,} of them answered already" if self.stored else ""
        both = f"{self.answers:,} answers, {self.verdicts:,} verdicts"
        most, rewritten = "", ""
        if self.rewritings:
            most, rewritten = "at most ", f", {self.rewritings:,} for rewritings and their checks"
        return f"{self.prompts:,} prompts: {most}{self.calls:,} calls ({both}{rewritten}){had}"


def forecast(prompts: Sequence[Item], contest: Contest, *, samples: int = 1) -> Forecast:
    """How many calls a trial takes, nothing asked.

    Args:
        prompts: the items.
        contest: who takes part.
        samples: how often each presentation is judged.
    """
    needed = sum(len(prompts) - len(given_by(author.title, [*prompts])) for author in contest.authors)
    pairs = len(prompts) * len(contest.candidates) * (len(contest.candidates) - 1) // 2
    each = {judge.title: 2 * pairs * samples * judge.calls for judge in contest.judges}
    verdicts, rewritings = sum(each.values()), 0
    if contest.disclosed:
        verdicts += sum(each[judge.title] for judge in contest.candidates)
    if contest.writer is not None:
        verdicts += sum(each.values())
        rewritings = 2 * len(prompts) * len(contest.candidates)
    return Forecast(len(prompts), needed, verdicts, rewritings)
