"""What must be filled in for a panel of one's own? A file whose gaps are named, and which does not load before."""

from __future__ import annotations

from typing import Literal

_HEAD = """\
# A panel of your own. docs/personas.md says what each field is for; `plurijudge panels check` says what is missing.
# A persona is a sourced, measured position with its spread, never a name with adjectives.
id: {name}
version: "1"
title: My panel              # what people call it
rule: mean                   # majority, mean, weighted, maxmin, veto, borda
# quorum: 2                  # how many members must say something; more than half where it is not given
tie: tie                     # tie, or a second rule: mean, maxmin
speaks_for: ""
excludes: []                 # whom it does not speak for
validation: unvalidated
personas:
"""

_CULTURE = """\
  - id: {name}/first         # panel/persona: lower case, digits, hyphens
    version: "1"
    label:                   # a neutral noun phrase
    status: draft            # until somebody from within has reviewed it
    scope:
      unit: country          # geo-cultural region, cultural zone, country, religious or philosophical tradition, ...
      countries: []
      un_m49: []             # subregions, such as "030"
      languages: []          # BCP-47
      excludes: []           # at least one: whom it does not speak for
    sources: []              # three or more, one from within:
      # - {{id: s1, type: scholarship, citation: "...", year: 2020, licence: cited only, from_within: true, doi: 10...}}
    value_dims: []           # two or more, or none for an unmeasured persona, which votes only where that is allowed:
      # - {{framework: MFQ-2, dim: care, scale: [1, 5], mean: 0, sd: 0, n: 0, source_id: s1}}
    commitments: []          # three or more, one contested:
      # - {{claim: "...", strength: contested, support: null, counter_position: "...", source_id: s1}}
    internal_positions: []   # two or more; members are drawn over them:
      # - {{name: "...", view: "...", weight: null, weight_basis: unknown, source_id: s1}}
    exemplars: []
    prompt: {{template_id: persona/culture, language: en, n_members: 3, temperature: 0.7}}
    guards: {{may_abstain: true, exaggeration_max: 1.0, min_within_variance_ratio: 0.5, blind_label: true}}
    provenance:
      author:                # by role, not by name
      positionality:         # from where the dossier was written
      reviews: []
      changelog: ["1: first dossier"]
"""

_ROLE = """\
  - id: {name}/first         # panel/persona: lower case, digits, hyphens
    kind: role
    version: "1"
    label:
    status: draft
    criteria: []             # one or more:
      # - {{name: truth, question: "Is every claim true?", weight: 1}}
    sources: []
    prompt: {{template_id: persona/role, language: en, n_members: 3, temperature: 0.7}}
    guards: {{may_abstain: true}}
    provenance:
      author:                # by role, not by name
      positionality:
      reviews: []
      changelog: ["1: first dossier"]
"""


def draft(kind: Literal["culture", "role"], *, name: str) -> str:
    """The text of a panel's file with one persona to fill in.

    Args:
        kind: of the persona.
        name: the panel's; what no name may hold becomes a hyphen.
    """
    plain = "-".join("".join(sign if sign.isascii() and sign.isalnum() else " " for sign in name.lower()).split())
    body = _ROLE if kind == "role" else _CULTURE
    return (_HEAD + body).format(name=plain or "my-panel")
