"""Does a prompt say what its file says, and is judged text never anything but text?"""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given, strategies as st

from plurijudge.prompts.exhibit import conversation_text, parts_text
from plurijudge.prompts.prompt import Prompt, load_prompt, parse_prompt
from plurijudge.text.errors import BadPrompt

SHIPPED = [
    "author/answer",
    "author/listed",
    "author/longer",
    "author/profile",
    "author/restyle",
    "author/same_meaning",
    "author/score_level",
    "author/shorter",
    "author/unlisted",
    "extractors/coherence",
    "extractors/facts",
    "extractors/fluency",
    "extractors/formality",
    "extractors/intent_alignment",
    "extractors/off_focus",
    "extractors/receptiveness",
    "extractors/stated",
    "extractors/supported",
    "judge/choice",
    "judge/joint",
    "judge/letter",
    "judge/letter_choice",
    "judge/letter_reference",
    "judge/letter_score",
    "judge/pairwise",
    "judge/rank",
    "judge/reference",
    "judge/repair",
    "judge/rubric",
    "judge/score",
    "judge/tools",
    "nodes/cases",
    "nodes/challenge",
    "nodes/contexts",
    "nodes/criteria",
    "nodes/evidence",
    "nodes/own_answer",
    "nodes/own_answer_shown",
    "nodes/reflect",
    "nodes/rules",
    "nodes/synthesise",
    "persona/culture",
    "persona/distribution",
    "persona/pluralist",
    "persona/role",
    "perturbers/authority",
    "perturbers/fallacy",
    "perturbers/paraphrase",
    "perturbers/tone",
    "perturbers/translation",
    "perturbers/verbosity",
]
FOLDER = Path(__file__).resolve().parents[2] / "prompts"
FENCE = "==0123456789abcdef=="


def pair(first: str = "one", second: str = "two", prompt: Prompt | None = None, **more: object) -> str:
    values = {"question": "q", "context": None, "reference": None, "criteria": "", "ties": True, **more}
    messages = (prompt or load_prompt("judge/pairwise")).messages(fence=FENCE, first=first, second=second, **values)
    return "\n".join(message["content"] for message in messages)


def test_every_shipped_prompt_loads_and_its_id_is_its_place() -> None:
    found = sorted(path.relative_to(FOLDER).with_suffix("").as_posix() for path in FOLDER.glob("*/*.md"))
    assert found == SHIPPED
    assert [load_prompt(name).id for name in found] == found


def test_a_changed_word_changes_the_digest() -> None:
    text = (FOLDER / "judge" / "pairwise.md").read_text()
    assert parse_prompt(text, name="x").digest != parse_prompt(text.replace("weakest", "worst"), name="x").digest


def test_the_constant_part_stands_before_the_fence_so_that_providers_can_cache_it() -> None:
    prompt = load_prompt("judge/pairwise")
    values = {"question": "q", "context": None, "reference": None, "criteria": "", "ties": True}
    one, two = (
        prompt.messages(fence=f"=={n}==", first=f"first {n}", second=f"second {n}", **values) for n in ("1", "2")
    )
    assert one[0] == two[0]
    assert "==1==" not in one[0]["content"]


@given(st.text(), st.text())
def test_judged_text_stands_once_between_two_fences_whatever_it_holds(first: str, second: str) -> None:
    shown = pair(first, second)
    assert f"Answer A:\n{FENCE}\n{first}\n{FENCE}" in shown
    assert f"Answer B:\n{FENCE}\n{second}\n{FENCE}" in shown
    assert shown.count(FENCE) == 7


@pytest.mark.parametrize(
    "hostile", ["{{ second }}", "{% raw %}", "{# x #}", "%s {0} {first}", "<!-- system -->", "---"]
)
def test_judged_text_is_never_read_as_a_template(hostile: str) -> None:
    assert f"\n{hostile}\n" in pair(first=hostile)


def test_context_and_reference_are_shown_only_where_there_are_any() -> None:
    assert "known to be good" not in pair()
    assert "known to be good" in pair(reference="two")
    assert "Context given" in pair(context="a memo")


def test_ties_and_criteria_change_what_is_asked() -> None:
    assert "A tie is not allowed" in pair(ties=False)
    assert "Decide by this criterion above all:\nbrevity" in pair(criteria="brevity")


def test_a_users_own_prompt_needs_no_front_matter_and_gets_its_texts_fenced() -> None:
    prompt = parse_prompt("Compare {{ first }} with {{ second }}. Say [[A]] or [[B]].", name="mine")
    assert (prompt.id, prompt.version, prompt.protocol, prompt.structured) == ("mine", "0", "pairwise", False)
    assert f"{FENCE}\none\n{FENCE}" in pair(prompt=prompt)
    assert parse_prompt("Grade {{ response }}", name="mine").protocol == "score"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("Hello", "shows no response"),
        ("{{ first }} {{ second }} {{ nonsense }}", "`nonsense`, which nothing gives"),
        ("{{ first }} {{ second ", "not a Jinja template"),
        ("---\nid: x\nvariables: [first]\n---\n{{ first }} {{ second }}", "declares other variables.*`second`"),
        ("---\nid: [\n---\n{{ first }} {{ second }}", "is not YAML"),
        ("---\njust words\n---\n{{ first }} {{ second }}", "names and values"),
        ("---\nprotocol: pairwise\n---\n{{ response }}", "never shows `first`"),
    ],
)
def test_a_prompt_that_does_not_hold_says_why(text: str, said: str) -> None:
    with pytest.raises(BadPrompt, match=said):
        parse_prompt(text, name="mine")


def test_a_prompt_that_is_not_there_is_answered_with_those_that_are(tmp_path: Path) -> None:
    with pytest.raises(BadPrompt) as found:
        load_prompt("judge/pairwize")
    assert "judge/pairwise" in found.value.way_out
    (tmp_path / "bad.md").write_bytes(b"\xff\xfe")
    with pytest.raises(BadPrompt, match="cannot be read"):
        load_prompt(str(tmp_path / "bad.md"))


def test_a_template_cannot_reach_into_python() -> None:
    prompt = parse_prompt("{{ first }} {{ second }} {{ question.__class__.__mro__ }}", name="mine")
    with pytest.raises(Exception, match="unsafe"):
        pair(prompt=prompt)


def test_conversations_and_trajectories_are_shown_as_text() -> None:
    turns = conversation_text([("user", "Hi"), ("assistant", [{"type": "text", "text": "Hello"}])])
    assert turns == "[user]\nHi\n\n[assistant]\nHello"
    shown = parts_text(
        [
            {"type": "tool_call", "name": "add", "arguments": {"a": 1}},
            {"type": "tool_result", "result": 2},
            {"type": "image", "url": "https://pictures.example/1.png"},
        ]
    )
    assert [word in shown for word in ("add", '"a":1', "answers: 2", "1.png")] == [True] * 4
