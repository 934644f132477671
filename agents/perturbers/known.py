"""Which perturber does a name mean? One of ours, or one of a user's own in a file."""

from __future__ import annotations

from collections.abc import Iterable

from ...text.errors import BadInput
from ..own_file import made_of
from . import cues, edits, variants
from .base import Perturber
from .written import NAMES, written_of

VARIANTS = (variants.FullWidthDigits, variants.Typography, variants.Decomposed)
KNOWN: dict[str, Perturber] = {
    made.name: made
    for made in (
        cues.Verbosity(),
        cues.Bandwagon(),
        cues.Authority(),
        cues.Distraction(),
        cues.SuperficialReflection(),
        *(cues.Sentiment(tone) for tone in ("cheerful", "sad", "angry", "fearful")),
        cues.Identity(),
        cues.Authorship(),
        cues.CompassionFade(),
        cues.Refinement(),
        cues.Markdown(),
        cues.MarkdownBoth(),
        cues.Spelling(),
        variants.BritishSpelling(),
        *(kind(both=both) for kind in VARIANTS for both in (False, True)),
        cues.Injection(),
        edits.WrongNumber(),
        edits.DroppedSentence(),
        edits.DroppedConstraint(),
        edits.Truncated(),
        edits.Emptied(),
        edits.EmptyPhrases(),
        edits.Fallacy(),
    )
}
CUES = tuple(name for name, made in KNOWN.items() if made.kind == "cue" and made.sided)
DEFAULT = ("verbosity", "bandwagon", "authority", "distraction", "superficial_reflection", "injection")
ORDER = "position"  # measured by every audit, from the order alone
ALL = "all"
SENSITIVITY = ("wrong_number", "truncated", "empty", "empty_phrases")
USUAL = (*DEFAULT, *SENSITIVITY)
"""What an audit plants where nothing is named."""


def perturbers_of(biases: Iterable[str | Perturber]) -> list[Perturber]:
    """The perturbers of these names, and those given as they are.

    Args:
        biases: names; `all` stands for all that come with plurijudge, beside those of one's own.

    Raises:
        BadInput: if a name means none, or two mean one of the same name.
    """
    named = [*biases]
    if ALL in named:
        named = [*KNOWN, *(one for one in named if one != ALL and one not in KNOWN)]
    found = [perturber_of(one) if isinstance(one, str) else one for one in named]
    called = [one.name for one in found]
    if twice := sorted({name for name in called if called.count(name) > 1}):
        raise BadInput(f"Two perturbers are called `{twice[0]}`.", way_out="name each once")
    return found


def perturber_of(name: str) -> Perturber:
    """The perturber of a name: `bandwagon`, `identity:GROUP`, or `my.py:perturber` of one's own.

    Raises:
        BadInput: if there is none.
    """
    if name in KNOWN:
        return KNOWN[name]
    if (written := written_of(name)) is not None:
        return written
    kind, _, rest = name.partition(":")
    if kind == "identity" and rest:
        return cues.Identity(rest)
    if kind == "authorship" and rest:
        return cues.Authorship(rest)
    path, _, attribute = name.rpartition(":")
    if not path.endswith(".py"):
        raise BadInput(
            f"There is no bias `{name}`.",
            way_out=f"some of {', '.join(KNOWN)}; with --writer {', '.join(NAMES)}; or FILE.py:NAME of your own",
        )
    made = made_of(path, attribute, Perturber, option="--bias", error=BadInput)  # type: ignore[type-abstract]
    lacking = [field for field in ("name", "means", "remedy") if not str(getattr(made, field, "") or "").strip()]
    if lacking:
        raise BadInput(f"`{attribute}` in {path} does not say its `{lacking[0]}`.", way_out=f'{lacking[0]} = "..."')
    if made.name == ORDER:
        raise BadInput(
            f"`{attribute}` in {path} is called `{ORDER}`, as the bias of the order is.", way_out="rename it"
        )
    return made
