"""Does a panel load, seat those who may vote, refuse what does not fit, and come back from a store as it was?"""

from __future__ import annotations

import copy
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import yaml

from plurijudge.agents import panel as panels
from plurijudge.agents.families import family_of
from plurijudge.agents.judge import Judge
from plurijudge.agents.panel import Panel, load_panel, shipped_panels, shipped_persona
from plurijudge.agents.panel_draft import draft
from plurijudge.agents.persona import Persona
from plurijudge.prompts.prompt import Prompt, load_prompt
from plurijudge.text.errors import BadPanel, BadPersona, PlurijudgeError

BASE = shipped_persona("d3-8/oceania").told
MODELS = [{"model": "openai/one"}, {"model": "openai/two"}, {"model": "openai/three"}]


def dossier(name: str, **changes: Any) -> dict[str, Any]:
    return {**copy.deepcopy(BASE), "id": f"test/{name}", "label": f"Group {name}", **changes}


def described(*names: str, **changes: Any) -> dict[str, Any]:
    return {"id": "mine", "version": "1", "title": "Mine", "personas": [dossier(name) for name in names], **changes}


def refusal(given: Any, error: type[PlurijudgeError] = BadPanel, **where: Any) -> str:
    with pytest.raises(error) as caught:
        Panel.of(given, **where)
    return caught.value.message


def restored(panel: Panel, **changes: Any) -> Panel:
    """The panel once it has been through a store: its rows are text."""
    told = {**json.loads(panel.row()["description"]), **changes}
    return Panel.restored(told, {one.id: json.loads(one.row()["dossier"]) for one in panel.personas})


def names(panel: Panel) -> list[str]:
    return [seat.name for seat in panel.seats]


# How a panel is loaded


def test_a_shipped_panel_is_loaded_by_its_name() -> None:
    for name in shipped_panels():
        assert load_panel(name).id == name


def test_a_panel_of_ones_own_is_loaded_by_its_file(tmp_path: Path) -> None:
    file = tmp_path / "mine.yaml"
    file.write_text(yaml.safe_dump(described("a", "b"), allow_unicode=True), encoding="utf-8")
    assert load_panel(str(file)).digest == Panel.of(described("a", "b")).digest


def test_a_shipped_name_is_never_a_file_of_the_working_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "d3-8").write_text(yaml.safe_dump(described("a")), encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    assert len(load_panel("d3-8").seats) == 8


@pytest.mark.parametrize("name", ["", "d3-9", "no/such.yaml", "."])
def test_a_panel_that_is_not_there_is_refused_with_those_that_are(name: str) -> None:
    with pytest.raises(BadPanel, match="There is no panel") as caught:
        load_panel(name)
    assert all(known in caught.value.way_out for known in shipped_panels())


@pytest.mark.parametrize(
    ("content", "told"),
    [("id: [", "is no YAML"), ("created: 2026-02-30", "is no YAML"), ("", "NoneType"), ("- a", "list")],
)
def test_a_file_that_holds_no_panel_is_refused_by_its_name(tmp_path: Path, content: str, told: str) -> None:
    file = tmp_path / "mine.yaml"
    file.write_text(content, encoding="utf-8")
    with pytest.raises(BadPanel) as caught:
        load_panel(str(file))
    assert str(file) in caught.value.message and told in caught.value.message


def test_personas_are_given_by_id_inline_and_by_a_file_beside_the_panels(tmp_path: Path) -> None:
    folder = tmp_path / "panels"
    (folder / "people").mkdir(parents=True)
    (folder / "people/b.yaml").write_text(yaml.safe_dump(dossier("b"), allow_unicode=True), encoding="utf-8")
    given = {**described("a"), "personas": ["d3-8/sinosphere", dossier("a"), "people/b.yaml"]}
    (folder / "mine.yaml").write_text(yaml.safe_dump(given, allow_unicode=True), encoding="utf-8")
    loaded = load_panel(str(folder / "mine.yaml"))
    assert names(loaded) == ["d3-8/sinosphere", "test/a", "test/b"]
    assert loaded.personas[0] == shipped_persona("d3-8/sinosphere")
    assert loaded.personas[2] == Persona(dossier("b"))


@pytest.mark.parametrize("name", ["d3-8/nobody", "nobody/at-all", "d3-8", "", "missing.yaml"])
def test_a_persona_that_is_not_there_is_refused_by_its_name(name: str, tmp_path: Path) -> None:
    assert name in refusal({**described(), "personas": [name]}, BadPersona, folder=tmp_path)


def test_a_persona_that_does_not_load_is_refused_with_the_panels_file() -> None:
    message = refusal(described("a", personas=[dossier("a", label="")]), BadPersona, where="mine.yaml")
    assert "test/a" in message and "`label`" in message and "mine.yaml" in message


def test_each_persona_has_one_seat_where_no_members_are_given() -> None:
    panel = Panel.of(described("b", "a"))
    assert names(panel) == ["test/b", "test/a"]
    assert [seat.members for seat in panel.seats] == [3, 3] and not panel.is_seated


# Who sits


def test_members_are_personas_models_or_personas_as_a_model_of_their_own_speaks_them() -> None:
    members = [
        {"persona": "test/b"},
        {"persona": "test/a", "model": "openai/one", "base_url": "http://localhost:8000/v1", "draws": 5},
        {"model": "anthropic/two"},
        {"persona": "test/a"},
    ]
    panel = Panel.of(described("a", "b", members=members))
    assert names(panel) == ["test/b", "openai/one as test/a", "anthropic/two", "test/a"]
    assert [seat.members for seat in panel.seats] == [3, 5, 1, 3]
    base = Judge("openai/base", base_url="http://localhost:1/v1", temperature=0.3, name="mine", criteria="be fair")
    own, spoken, other = (seat.judge(base) for seat in panel.seats[:3])
    assert own is base
    assert (spoken.model, spoken.base_url) == ("openai/one", "http://localhost:8000/v1")
    assert (other.model, other.base_url) == ("anthropic/two", "")  # the base's endpoint is not another's
    assert (spoken.temperature, spoken.criteria, spoken.title) == (0.3, "be fair", "openai/one")


def test_a_function_of_ones_own_does_not_speak_for_a_member_with_a_model() -> None:
    panel = Panel.of(described(members=MODELS))
    judge = panel.seats[0].judge(Judge(function="json:loads"))
    assert (judge.model, judge.function) == ("openai/one", "")


def test_speakers_are_the_personas_with_their_judges() -> None:
    panel = Panel.of(described("a", "b", members=[{"persona": "test/a"}, {"model": "openai/x"}, {"persona": "test/b"}]))
    judge = Judge("openai/base")
    assert [(one.name, one.persona, one.digest, one.judge, one.label) for one in panel.speakers(judge)] == [
        ("test/a", "test/a", panel.personas[0].digest, judge.id, "Group a"),
        ("test/b", "test/b", panel.personas[1].digest, judge.id, "Group b"),
    ]


# What does not fit


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"rule": "dictator"}, "`rule`"),
        ({"tie": "coin"}, "`tie`"),
        ({"assignment": "some"}, "`assignment`"),
        ({"quorum": 0}, "`quorum`"),
        ({"unbearable": 1.1}, "`unbearable`"),
        ({"id": "My Panel"}, "`id`"),
        ({"title": None}, "`title`"),
        ({"weights": {"test/a": -1}}, "`weights.test/a`"),
        ({"weights": {"test/a": float("nan")}}, "`weights.test/a`"),
        ({"weights": {"test/z": 1}}, "a weight for 'test/z'"),
        ({"quorums": 2}, "`quorums`"),
        ({"members": [{"persona": "test/z"}]}, "seats 'test/z'; its personas are test/a, test/b"),
        ({"members": [{"persona": "test/a"}, {"persona": "test/a"}]}, "seats 'test/a' twice"),
        ({"members": [{"persona": "test/a", "draws": 2}, {"persona": "test/a", "draws": 3}]}, "seats 'test/a' twice"),
        ({"members": [MODELS[0], {**MODELS[0], "base_url": "http://localhost:1"}]}, "seats 'openai/one' twice"),
        ({"members": [{"draws": 2}]}, "neither a persona nor a model"),
        ({"members": [{"persona": "test/a", "draws": 0}]}, "`members.0.draws`"),
        ({"members": [{"persona": "test/a", "temperature": 1}]}, "`members.0.temperature`"),
        ({"members": [{"persona": "test/a", "base_url": "http://localhost:1"}]}, "`base_url` without the `model`"),
        ({"personas": [dossier("a"), dossier("a", label="Others")]}, "a persona twice"),
        ({"personas": []}, "no members"),
    ],
)
def test_what_does_not_hold_is_refused_by_name(changes: dict[str, Any], told: str) -> None:
    assert told in refusal({**described("a", "b"), **changes})


@pytest.mark.parametrize(
    "address", ["https://me:pa55word@host/v1", "https://host/v1?api_key=abcdef1234", "https://host/sk-abcdefgh1234"]
)
def test_an_address_that_holds_a_secret_is_refused_and_not_repeated(address: str) -> None:
    message = refusal(described("a", members=[{"model": "openai/one", "base_url": address}]))
    assert "`base_url`" in message and address not in message and "pa55word" not in message


@pytest.mark.parametrize("given", [None, [], "d3-8", 3], ids=repr)
def test_what_is_no_mapping_is_no_panel(given: Any) -> None:
    assert type(given).__name__ in refusal(given)


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"rule": "weighted"}, "needs the members' weights"),
        ({"rule": "weighted", "weights": {"test/a": 1, "test/b": 2}}, "no weight for test/c"),
        ({"adaptive": True, "rule": "maxmin"}, "under `maxmin`"),
        ({"adaptive": True, "rule": "veto"}, "under `veto`"),
        ({"adaptive": True, "assignment": "cyclic"}, "asks one member"),
        ({"quorum": 4}, "its quorum is 4"),
    ],
)
def test_options_that_do_not_fit_are_refused_when_the_panel_sits(changes: dict[str, Any], told: str) -> None:
    with pytest.raises(BadPanel) as caught:
        Panel.of(described("a", "b", "c", **changes)).seated()
    assert told in caught.value.message and caught.value.way_out


@pytest.mark.parametrize(
    "changes",
    [
        {"rule": "weighted", "weights": {"test/a": 1, "test/b": 2, "test/c": 0}},
        {"adaptive": True, "rule": "mean"},
        {"adaptive": True, "rule": "borda"},
        {"assignment": "cyclic", "quorum": 9},
        {"quorum": 3},
        {"weights": {"test/a": 1}},
    ],
)
def test_options_that_fit_seat_everybody(changes: dict[str, Any]) -> None:
    assert len(Panel.of(described("a", "b", "c", **changes)).seated().seats) == 3


# Who may vote


def test_a_quorum_is_more_than_half_of_all_who_were_named() -> None:
    for count, needed in ((1, 1), (2, 2), (3, 2), (4, 3), (5, 3), (8, 5)):
        assert Panel.of(described(*"abcdefgh"[:count])).quorum == needed
    panel = Panel.of(described("a", "b", "c", "d"))
    assert panel.seated(lost={"test/d": "wrong more often"}).quorum == 3  # those kept out still count
    assert Panel.of(described("a", "b", "c", quorum=1)).quorum == 1
    assert Panel.of(described("a", "b", "c", assignment="cyclic", quorum=3)).quorum == 1


def test_who_is_retired_unmeasured_or_lost_ability_is_kept_out_with_the_reason() -> None:
    given = described("a", "b", quorum=1)
    given["personas"] += [dossier("old", status="retired"), dossier("bare", value_dims=[])]
    panel = Panel.of(given)
    seated = panel.seated(lost={"test/b": "p = .01"})
    assert names(seated) == ["test/a"] and seated.is_seated
    assert dict(seated.kept_out) == {
        "test/b": "lost ability: p = .01",
        "test/old": "retired",
        "test/bare": "unmeasured",
    }
    assert names(panel.seated(allow_unmeasured=True)) == ["test/a", "test/b", "test/bare"]
    assert names(panel) == ["test/a", "test/b", "test/old", "test/bare"]  # the panel itself is as it was


def test_a_persona_is_kept_out_of_every_seat_and_a_model_of_none() -> None:
    members = [{"persona": "test/a"}, {"persona": "test/a", "model": "openai/one"}, {"persona": "test/b"}, *MODELS[1:]]
    seated = Panel.of(described("a", "b", members=members)).seated(lost={"test/a": "p = .01", "openai/two": "no id"})
    assert names(seated) == ["test/b", "openai/two", "openai/three"]


def test_too_few_for_the_quorum_are_refused_with_who_is_kept_out_and_why() -> None:
    with pytest.raises(BadPanel) as caught:
        Panel.of(described("a", "b")).seated(lost={"test/b": "p = .01"})
    assert "1 of the panel's members may vote, its quorum is 2" in caught.value.message
    assert "test/b (lost ability: p = .01)" in caught.value.message
    assert "--allow-unmeasured" not in caught.value.way_out
    with pytest.raises(BadPanel, match="kept out: nobody"):
        Panel.of(described("a", quorum=2)).seated()


def test_a_panel_that_asks_one_member_in_turn_needs_one() -> None:
    panel = Panel.of(described("a", "b", "c", assignment="cyclic"))
    lost = {"test/a": "", "test/b": ""}
    assert names(panel.seated(lost=lost)) == ["test/c"]
    with pytest.raises(BadPanel):
        panel.seated(lost={**lost, "test/c": ""})


def test_a_seat_of_a_draft_votes() -> None:
    panel = Panel.of(described("a"))
    assert panel.personas[0].is_draft and names(panel.seated()) == ["test/a"]


# Other rules


def test_options_replace_what_the_file_says_and_nothing_else() -> None:
    panel = Panel.of(described("a", "b", rule="mean", tie="mean"))
    other = panel.with_options(rule="majority", quorum=1, tie=None, adaptive=None)
    assert (other.described.rule, other.quorum, other.described.tie) == ("majority", 1, "mean")
    assert other.seats == panel.seats and other.personas == panel.personas
    assert panel.described.rule == "mean"
    assert panel.with_options().digest == panel.digest


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"rule": "dictator"}, "`rule`"),
        ({"quorum": 0}, "`quorum`"),
        ({"weights": {"test/a": -1}}, "`weights.test/a`"),
        ({"weights": {"test/z": 1}}, "'test/z'"),
        ({"votes": 3}, "`votes`"),
    ],
)
def test_an_option_that_does_not_hold_is_refused(changes: dict[str, Any], told: str) -> None:
    with pytest.raises(BadPanel) as caught:
        Panel.of(described("a", "b")).with_options(**changes)
    assert told in caught.value.message


def test_weights_may_be_given_for_who_is_kept_out() -> None:
    seated = Panel.of(described("a", "b", "c")).seated(lost={"test/c": ""})
    weights = {"test/a": 1.0, "test/b": 2.0, "test/c": 3.0}
    assert seated.with_options(rule="weighted", weights=weights).described.weights == weights


# From a store


@pytest.mark.parametrize("name", shipped_panels())
@pytest.mark.parametrize("changes", [{}, {"rule": "majority", "quorum": 2, "adaptive": True}, {"assignment": "cyclic"}])
def test_a_shipped_panel_comes_back_from_a_store_as_it_was(name: str, changes: dict[str, Any]) -> None:
    panel = load_panel(name).with_options(**changes).seated()
    again = restored(panel)
    assert again.digest == panel.digest and again.told == panel.told
    assert again.seats == panel.seats and again.personas == panel.personas and again.is_seated
    assert sorted(again.kept_out) == sorted(panel.kept_out) and again.quorum == panel.quorum


def test_a_panel_with_models_weights_and_kept_out_seats_comes_back_as_it_was() -> None:
    members = [
        *({"persona": "test/a", "draws": 6}, {"persona": "test/b", "model": "openai/one"}),
        *({"persona": "test/c"}, {"model": "openai/two", "base_url": "http://localhost:1/v1"}),
    ]
    weights = {"test/a": 1, "openai/one as test/b": 0.25, "test/c": 3, "openai/two": 0}
    given = described("a", "b", "c", "d", members=members, rule="weighted", weights=weights)
    panel = Panel.of(given).seated(lost={"test/c": "p = .01"})
    again = restored(panel)
    assert again.digest == panel.digest and again.seats == panel.seats
    assert again.described.weights == weights and again.kept_out == panel.kept_out
    assert [seat.members for seat in again.seats] == [6, 3, 1]


def test_the_weights_of_a_kept_out_member_do_not_keep_a_run_from_being_opened() -> None:
    panel = load_panel("crehate-5")
    weights = dict.fromkeys(names(panel), 1.0)
    seated = panel.with_options(rule="weighted", weights=weights).seated()
    assert dict(seated.kept_out) and restored(seated).digest == seated.digest


def test_a_wording_that_has_changed_since_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    panel = Panel.of(described("a")).seated()
    told = json.loads(panel.row()["description"])
    assert told["wordings"] == {"persona/culture": load_prompt("persona/culture").digest}
    with pytest.raises(BadPanel, match="`persona/culture` of the panel `mine`") as caught:
        restored(panel, wordings={"persona/culture": "0" * 64})
    assert caught.value.way_out

    def reworded(name: str) -> Prompt:
        return replace(load_prompt(name), digest="f" * 64)

    monkeypatch.setattr(panels, "load_prompt", reworded)
    with pytest.raises(BadPanel, match="is not what it was"):
        restored(panel)


# What makes it another


def test_a_panels_digest_changes_with_all_that_may_change_what_it_decides() -> None:
    given = described("a", "b")
    changed: list[dict[str, Any]] = [
        {},
        {"rule": "majority"},
        {"quorum": 1},
        {"tie": "maxmin"},
        {"assignment": "cyclic"},
        {"adaptive": True},
        {"weights": {"test/a": 1}},
        {"unbearable": 0.2},
        {"version": "2"},
        {"id": "yours"},
        {"personas": [dossier("a"), dossier("b", label="Others")]},
        {"personas": [dossier("a"), dossier("c")]},
        {"personas": [dossier("a")]},
        {"members": [{"persona": "test/a"}]},
        {"members": [{"persona": "test/a"}, {"persona": "test/b", "model": "openai/one"}]},
        {
            "members": [
                {"persona": "test/a"},
                {"persona": "test/b", "model": "openai/one", "base_url": "http://localhost:1"},
            ]
        },
        {"members": [{"persona": "test/a"}, {"persona": "test/b", "draws": 4}]},
    ]
    digests = [Panel.of({**given, **one}).digest for one in changed]
    assert len(set(digests)) == len(digests)


def test_members_that_are_the_default_change_no_digest() -> None:
    given = described("a", "b")
    seats = [{"persona": "test/a"}, {"persona": "test/b"}]
    assert Panel.of({**given, "members": seats}).digest == Panel.of(given).digest == Panel.of(given).seated().digest


def test_who_is_kept_out_makes_another_panel() -> None:
    panel = Panel.of(described("a", "b", "c"))
    lost = [panel.seated(lost={"test/c": why}).digest for why in ("p = .01", "p = .02")]
    assert len({panel.seated().digest, *lost}) == 3


def test_a_changed_wording_makes_another_panel(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    wording = tmp_path / "mine.md"
    digests = set()
    for text in ("Judge as one of: {{ label }}", "Judge as some of: {{ label }}"):
        wording.write_text(f"---\nprotocol: any\n---\n{text}", encoding="utf-8")
        one = dossier("a", prompt={**BASE["prompt"], "template_id": str(wording)})
        digests.add(Panel.of(described(personas=[one])).digest)
    assert len(digests) == 2


# A draft to fill in


@pytest.mark.parametrize(
    ("kind", "lacking"),
    [
        (
            "culture",
            [
                *("label", "scope.excludes", "sources", "commitments", "internal_positions"),
                *("provenance.author", "provenance.positionality"),
            ],
        ),
        ("role", ["label", "criteria", "provenance.author", "provenance.positionality"]),
    ],
)
def test_a_draft_does_not_load_before_its_gaps_are_filled_and_they_are_named(kind: Any, lacking: list[str]) -> None:
    given = yaml.safe_load(draft(kind, name="mine"))
    message = refusal(given, BadPersona)
    assert all(f"`{name}`" in message for name in lacking)
    assert message.count("`: ") == len(lacking)


@pytest.mark.parametrize("kind", ["culture", "role"])
def test_a_draft_loads_once_its_gaps_are_filled(kind: Any) -> None:
    given = yaml.safe_load(draft(kind, name="mine"))
    [one] = given["personas"]
    one["label"] = "Some people"
    one["provenance"] |= {"author": "an editor", "positionality": "from outside"}
    if kind == "role":
        one["criteria"] = [{"name": "truth", "question": "Is it true?"}]
    else:
        one["scope"] |= {"countries": ["Samoa"], "excludes": ["others"]}
        one |= {name: BASE[name] for name in ("sources", "commitments", "internal_positions")}
    panel = Panel.of(given)
    assert [persona.kind for persona in panel.personas] == [kind] and panel.described.validation == "unvalidated"


@pytest.mark.parametrize(
    ("name", "plain"),
    [("mine", "mine"), ("My Panel_2", "my-panel-2"), ("a/b: {c}", "a-b-c"), ("", "my-panel"), ("日本", "my-panel")],
)
def test_a_drafts_name_is_one_that_a_panel_may_have(name: str, plain: str) -> None:
    given = yaml.safe_load(draft("role", name=name))
    assert given["id"] == plain and given["personas"][0]["id"] == f"{plain}/first"
    assert "`id`" not in refusal(given, BadPersona)


# Kin


@pytest.mark.parametrize(
    ("model", "family"),
    [
        ("builtin/heuristic", "builtin"),
        ("builtin/planted?position=1", "builtin"),
        ("replay/gpt-4.jsonl?judge=x", "recorded"),
        ("openai/gpt-5-mini", "OpenAI"),
        ("openai/ft:gpt-4o-2024-08-06:org::id", "OpenAI"),
        ("azure/chatgpt-4o-latest", "OpenAI"),
        ("o3-mini", "OpenAI"),
        ("groq/openai/gpt-oss-120b", "OpenAI"),
        ("huggingface/EleutherAI/gpt-neox-20b", "EleutherAI"),
        ("openrouter/anthropic/claude-sonnet-4.5", "Anthropic"),
        ("bedrock/anthropic.claude-3-5-haiku-20241022-v1:0", "Anthropic"),
        ("bedrock/us.anthropic.claude-sonnet-4-20250514-v1:0", "Anthropic"),
        ("gemini/gemini-2.5-pro", "Google"),
        ("ollama/gemma3:27b", "Google"),
        ("together_ai/meta-llama/Llama-3.3-70B-Instruct-Turbo", "Meta"),
        ("huggingface/meta-llama/Meta-Llama-3-8B-Instruct", "Meta"),
        ("bedrock/meta.llama3-8b-instruct-v1:0", "Meta"),
        ("mistral/mistral-large-latest", "Mistral"),
        ("ollama/Mixtral:8x7b", "Mistral"),
        ("deepinfra/Qwen/QwQ-32B", "Alibaba"),
        ("ollama/qwen2.5:7b", "Alibaba"),
        ("fireworks_ai/accounts/fireworks/models/deepseek-v3", "DeepSeek"),
        ("xai/grok-4.5", "xAI"),
        ("cohere/command-r-plus-08-2024", "Cohere"),
        ("bedrock/amazon.nova-pro-v1:0", "Amazon"),
        ("writer/palmyra-x-004", ""),
        ("hosted_vllm/my-model", ""),
        ("anthropic/my-own", ""),
        ("my-gpt", ""),
        ("", ""),
    ],
)
def test_a_family_is_told_by_the_models_name_or_not_at_all(model: str, family: str) -> None:
    assert family_of(model) == family
