"""What do the probabilities of an answer's first token say of the labels? Variants of a label are one."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

LETTER = "letter"
"""The rule of a verdict whose probability was asked for, and whose provider gave none."""
_AROUND = " \t\n\r\u0120\u2581\u010a*_`\"'“”‘’([{<)]}>:.,#"
"""What may stand around a label in its token: space, as tokenizers write it too, emphasis, quotes, brackets."""


def label_masses(top: Sequence[tuple[str, float]], labels: Sequence[str]) -> dict[str, float]:
    """The probability of each label, its variants summed: `A`, ` A`, `**A`, `(A`, `A.`.

    A small letter is another token: `a` begins many words.

    Args:
        top: the likeliest tokens of one position, each with the natural logarithm of its probability.
        labels: what the responses are called.

    Returns:
        By label a probability, 0..1; what is left to 1 went to other tokens, seen or not.

    >>> found = label_masses([("A", -0.5), (" A", -2.0), ("B", -1.6), ("Both", -3.0)], ["A", "B"])
    >>> {name: round(mass, 3) for name, mass in found.items()}
    {'A': 0.742, 'B': 0.202}
    """
    found = dict.fromkeys(labels, 0.0)
    seen: set[str] = set()
    for token, logarithm in top:
        bare = token.strip(_AROUND)
        if bare in found and token not in seen:
            seen.add(token)  # some servers list the chosen token twice
            found[bare] += math.exp(min(0.0, logarithm))
    total = sum(found.values())
    return found if total <= 1 else {name: mass / total for name, mass in found.items()}


def first_token(logprobs: object) -> list[tuple[str, float]]:
    """The likeliest tokens at the first position of an answer, as a provider's `logprobs` object has them.

    Read are OpenAI's chat form (`content`: a list of positions, each with `top_logprobs`) and the older form
    (`top_logprobs`: a list of mappings). An empty list where there is nothing to read.
    """
    if not isinstance(logprobs, Mapping):
        return []
    content = logprobs.get("content")
    if isinstance(content, Sequence) and content and isinstance(content[0], Mapping):
        position = content[0]
        listed = position.get("top_logprobs")
        listed = listed if isinstance(listed, Sequence) else []
        return [pair for one in [*listed, position] if (pair := _pair(one)) is not None]
    older = logprobs.get("top_logprobs")
    if isinstance(older, Sequence) and older and isinstance(older[0], Mapping):
        return [(str(token), float(value)) for token, value in older[0].items() if _is_logarithm(value)]
    return []


def _pair(one: object) -> tuple[str, float] | None:
    if not isinstance(one, Mapping) or not isinstance(one.get("token"), str) or not _is_logarithm(one.get("logprob")):
        return None
    return one["token"], float(one["logprob"])


def _is_logarithm(value: object) -> bool:
    """Whether it is the logarithm of a probability; some servers write a very small number for minus infinity."""
    return isinstance(value, (int, float)) and not isinstance(value, bool) and not math.isnan(value) and value <= 1e-6
