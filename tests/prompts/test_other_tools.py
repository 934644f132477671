"""Do templates of other tools ask here what they ask there, and is judged text never anything but text in them?

The templates are our own wording in the tools' forms.
"""

from __future__ import annotations

import gc
import json
import re
import warnings
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, strategies as st

import plurijudge
from plurijudge.agents.judge import Judge
from plurijudge.prompts.other_tools import KNOWN
from plurijudge.prompts.prompt import GIVEN, JUDGED, Prompt, load_prompt, parse_prompt
from plurijudge.store.files import read_items
from plurijudge.store.records import Item
from plurijudge.text.answer_line import read_answer_line
from plurijudge.text.errors import BadPrompt
from plurijudge.text.verdict import ParsedVerdict, parse_verdict

from ..loopback import Loopback

FASTCHAT_PAIR = """[System]
Be a fair referee of two assistants. End with "[[A]]", "[[B]]", or "[[C]]" for a tie.

[User Question]
{question}

[The Start of Assistant A's Answer]
{answer_a}
[The End of Assistant A's Answer]

[The Start of Assistant B's Answer]
{answer_b}
[The End of Assistant B's Answer]"""
FASTCHAT_SINGLE = """Grade the answer on a scale of 1 to 10, in the form "[[rating]]", as in "Rating: [[5]]".

[Question]
{question}

[The Start of Reference Answer]
{ref_answer_1}
[The End of Reference Answer]

[The Start of Assistant's Answer]
{answer}
[The End of Assistant's Answer]"""
ALPACA_CHAT = """<|im_start|>system
You order two models by the quality of what they wrote.
<|im_end|>
<|im_start|>user
## Instruction
{
    "instruction": \"\"\"{instruction}\"\"\",
}

## Outputs
{
    {
        "model_identifier": "m",
        "output": \"\"\"{output_1}\"\"\"
    },
    {
        "model_identifier": "M",
        "output": \"\"\"{output_2}\"\"\"
    }
}

Say m or M and nothing else.
<|im_end|>
<|im_start|>assistant
"""
ALPACA_AB = """Which output follows the instruction better? Reply "Output (a)" or "Output (b)".

# Instruction: {instruction}
# Output (a): {output_1}
# Output (b): {output_2}"""
GEVAL = """Rate a summary of a text on one metric.

Coherence (1-5) - do the sentences hang together?

Source text:

{{Document}}

Summary:

{{Summary}}


Evaluation form (scores ONLY):

- Coherence:"""
GEVAL_DIALOGUE = (
    "Rate the reply (1-3).\n\nBefore:\n{{Document}}\nFact:\n{{Fact}}\nReply:\n{{Response}}\n\n- Engagingness:"
)
INSPECT = """You compare a submission with what an expert says.

[BEGIN DATA]
[Question]: {question}
[Expert]: {criterion}
[Submission]: {answer}
[END DATA]

{instructions}"""
OPENEVALS = """<Rubric>A right answer is {{complete}} and true.</Rubric>
<input>{inputs}</input>
<output>{outputs}</output>
<reference_outputs>{reference_outputs}</reference_outputs>"""
ALL = {
    "FastChat pair": FASTCHAT_PAIR,
    "FastChat single": FASTCHAT_SINGLE,
    "alpaca_eval chat": ALPACA_CHAT,
    "alpaca_eval (a) (b)": ALPACA_AB,
    "G-Eval": GEVAL,
    "G-Eval dialogue": GEVAL_DIALOGUE,
    "inspect": INSPECT,
    "openevals": OPENEVALS,
}
FENCE = "==0123456789abcdef=="
VALUES: dict[str, Any] = {
    "question": "<the request>",
    "context": None,
    "reference": "<the reference>",
    "first": "<one>",
    "second": "<two>",
    "response": "<the answer>",
    "criteria": "",
}


def asked(prompt: Prompt, **more: Any) -> str:
    return "\n".join(message["content"] for message in prompt.messages(fence=FENCE, **{**VALUES, **more}))


def read(prompt: Prompt, text: str) -> ParsedVerdict:
    """What a judge with this prompt reads from a reply."""
    judge = Judge(protocol=prompt.protocol)
    judge.__dict__["words"] = prompt
    item = Item.model_validate({"id": "q", "prompt": "p", "responses": [{"id": "a", "text": "x"}]})
    n = 2 if prompt.protocol == "pairwise" else 1
    return judge.way.heard(judge, text, judge.labels(n), item, cut=None)


def filled(template: str, values: dict[str, str]) -> str:
    """The template as its own tool would fill it, `str.format` or replacement of each placeholder."""
    fenced = {name: f"\n{FENCE}\n{value}\n{FENCE}\n" for name, value in values.items()}
    try:
        if "{{Document}}" not in template:
            return template.format(**fenced).strip()
    except (KeyError, ValueError, IndexError):
        pass
    for name, value in fenced.items():
        template = template.replace("{{" + name + "}}", value).replace("{" + name + "}", value)
    return template.strip()


OWN = {
    "question": "<the request>", "instruction": "<the request>", "inputs": "<the request>", "Document": "<the request>",
    "answer_a": "<one>", "answer_b": "<two>", "output_1": "<one>", "output_2": "<two>", "answer": "<the answer>",
    "outputs": "<the answer>", "Summary": "<the answer>", "ref_answer_1": "<the reference>",
    "reference_outputs": "<the reference>", "criterion": "<the reference>",
}  # fmt: skip


@pytest.mark.parametrize("name", ["FastChat pair", "FastChat single", "alpaca_eval (a) (b)", "G-Eval"])
def test_what_is_asked_is_what_the_tool_itself_would_ask_but_for_the_fences(name: str) -> None:
    assert asked(parse_prompt(ALL[name], name="t")) == filled(ALL[name], OWN)


def test_openevals_is_asked_as_there_with_the_form_of_an_answer_behind_it() -> None:
    said = asked(parse_prompt(OPENEVALS, name="t"))
    assert said.startswith(filled(OPENEVALS, OWN)) and said.endswith('"score": a number from 0 (fails) to 1 (passes)}')


def test_chat_markup_becomes_messages_and_the_braces_around_the_texts_stay() -> None:
    prompt = parse_prompt(ALPACA_CHAT, name="t")
    first, second = prompt.messages(fence=FENCE, **VALUES)
    assert (first["role"], second["role"]) == ("system", "user")
    assert first["content"] == "You order two models by the quality of what they wrote."
    assert filled(ALPACA_CHAT.split("<|im_start|>user\n")[1].split("<|im_end|>")[0], OWN) == second["content"]


@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("FastChat pair", ("FastChat", "pairwise", ("A", "B"), None)),
        ("FastChat single", ("FastChat", "reference", ("A", "B"), (1, 10))),
        ("alpaca_eval chat", ("alpaca_eval", "pairwise", ("m", "M"), None)),
        ("alpaca_eval (a) (b)", ("alpaca_eval", "pairwise", ("a", "b"), None)),
        ("G-Eval", ("G-Eval", "score", ("A", "B"), (1, 5))),
        ("G-Eval dialogue", ("G-Eval", "score", ("A", "B"), (1, 3))),
        ("inspect", ("inspect", "reference", ("A", "B"), (0, 1))),
        ("openevals", ("openevals", "reference", ("A", "B"), (0, 1))),
    ],
)
def test_whose_it_is_and_what_it_asks_for_is_told_by_its_placeholders(name: str, told: tuple[Any, ...]) -> None:
    prompt = parse_prompt(ALL[name], name="t")
    assert (prompt.tool, prompt.protocol, prompt.labels, prompt.scale) == told
    assert prompt.mapping and all(theirs in ALL[name] for theirs, _ in prompt.mapping)


@pytest.mark.parametrize("name", ALL)
def test_what_it_became_is_a_prompt_of_ours_that_loads_as_the_same(name: str) -> None:
    prompt = parse_prompt(ALL[name], name="t")
    again = parse_prompt(prompt.text, name="t")
    assert (again.digest, again.tool) == (prompt.digest, "")
    assert (again.labels, again.scale, again.grades) == (prompt.labels, prompt.scale, prompt.grades)
    assert asked(again) == asked(prompt)


HOSTILE = st.one_of(
    st.text(),
    st.sampled_from(
        ["{{ second }}", "{answer_b}", "{% raw %}", "{# x #}", "{0}", "%s", "<|im_end|>", "<!-- system -->", "{{", "}}"]
    ),
)


@given(st.sampled_from(sorted(ALL)), HOSTILE)
def test_judged_text_stands_between_two_fences_whatever_it_holds(name: str, hostile: str) -> None:
    prompt = parse_prompt(ALL[name], name="t")
    shown = "first" if prompt.protocol == "pairwise" else "response"
    said = asked(prompt, **{shown: hostile})
    inside = f"{FENCE}\n{hostile}\n{FENCE}" if hostile else ""
    assert inside in said
    given = [theirs for theirs, _ in prompt.mapping if theirs not in ("instructions", "Fact")]
    assert said.count(FENCE) == 2 * (len(given) - (not hostile))


def test_a_context_or_a_reference_that_an_item_lacks_is_shown_as_nothing() -> None:
    prompt = parse_prompt("{context}|{ref_answer_1}|{question}|{answer_a}|{answer_b}", name="t")
    assert asked(prompt, reference=None).startswith("||\n")
    assert "None" not in asked(prompt, reference=None)


@given(st.text(alphabet="{}%#ab \n'\"", max_size=30))
def test_the_words_of_a_template_are_shown_as_they_stand_whatever_braces_they_hold(words: str) -> None:
    template = f"{{ {words} }}\n{{output_1}}\n{words}\n{{output_2}}{{"  # no `str.format` takes this: a brace is open
    if "{%" in template:
        return  # Jinja of ours
    try:
        prompt = parse_prompt(template, name="t")
    except BadPrompt as error:
        assert "placeholder" in error.message or "which nothing gives" in error.message
        return
    plain = asked(prompt).replace(f"\n{FENCE}\n<one>\n{FENCE}\n", "{output_1}")
    assert plain.replace(f"\n{FENCE}\n<two>\n{FENCE}\n", "{output_2}") == template.strip()


@pytest.mark.parametrize(
    ("template", "said", "way_out"),
    [
        ("{question} {anser}", "placeholder `anser`", "`answer` is probably meant"),
        ("{instruction} {output_1} {output_3}", "placeholder `output_3`", "`output_2`|`output_1`"),
        ("{{Document}} {{Sumary}}", "placeholder `Sumary`", "`Summary` is probably meant"),
        ("{question} {answer} {zzzzzz}", "placeholder `zzzzzz`", "^known are question"),
        ("{question_1} {answer_a_1} {answer_b_1} {question_2}", "second of two turns", "list of messages"),
        ("{question} {reference}", "never shows `response`", ""),
        (
            "<|im_start|>user\n{output_1} {output_2}<|im_end|><|im_start|>assistant\nI say m",
            "answer of the assistant",
            "",
        ),
    ],
)
def test_what_means_nothing_here_is_refused_with_the_nearest_name(template: str, said: str, way_out: str) -> None:
    with pytest.raises(BadPrompt, match=said) as error:
        parse_prompt(template, name="t")
    assert re.search(way_out, error.value.way_out)


@pytest.mark.parametrize(
    "text",
    [
        "Compare {{ first }} with {{ second }}. Reply {{ '{' }}\"verdict\": ...}.",
        'Compare {{ first }} with {{ second }}. End with {"verdict": {label}}',
        "{% for answer in responses %}{{ answer.text }} {question}{% endfor %}",
    ],
)
def test_a_prompt_of_ours_is_never_taken_for_one_of_theirs(text: str) -> None:
    prompt = parse_prompt(text, name="t")
    assert (prompt.tool, prompt.mapping, prompt.text) == ("", (), text)


def test_numbered_answers_are_two_writers_or_two_turns_by_what_stands_beside_them() -> None:
    arena = parse_prompt("{question_1}\n{answer_1}\n{answer_2}\nSay [[A>>B]], [[A=B]] ...", name="t")
    assert arena.mapping == (("question_1", "question"), ("answer_1", "first"), ("answer_2", "second"))
    assert read(arena, "My final verdict is: [[B>>A]]").preferred == "B"
    later = parse_prompt("{QUESTION}\n{ANSWER_A}\n{ANSWER_B}", name="t")
    assert (later.protocol, later.tool) == ("pairwise", "FastChat")
    with pytest.raises(BadPrompt, match="second of two turns"):
        parse_prompt("{question_1} {answer_1} {question_2} {answer_2}", name="t")


def test_a_repaired_reply_in_json_is_read_where_a_grade_was_asked_for() -> None:
    prompt = parse_prompt(INSPECT, name="t")
    assert read(prompt, '{"rationale": "It is right.", "score": 1}').scores == {"A": 1.0}
    assert read(prompt, '{"rationale": "It is right.", "score": 7}').reason == "off_scale"


def test_front_matter_of_ones_own_holds_against_what_was_guessed() -> None:
    head = "---\nid: mine\nversion: 3\nlabels: [first, second]\n---\n"
    prompt = parse_prompt(head + FASTCHAT_PAIR, name="t")
    assert (prompt.id, prompt.version, prompt.labels) == ("mine", "3", ("first", "second"))


def test_every_known_placeholder_means_something_of_ours() -> None:
    for placeholder, meaning in KNOWN.items():
        assert meaning == "=grades" or set(meaning.split(" or ")) <= JUDGED | GIVEN, placeholder


def test_one_of_several_prompts_in_a_file_is_named_behind_a_hash(tmp_path: Path) -> None:
    several = tmp_path / "judge_prompts.jsonl"
    rows = [
        {"name": "pair-x", "system_prompt": "Be {fair}.", "prompt_template": "{question}\n{answer_a}\n{answer_b}"},
        {"name": "single-x", "system_prompt": "", "prompt_template": "Scale of 1 to 10.\n{question}\n{answer}"},
    ]
    several.write_text("".join(json.dumps(row) + "\n" for row in rows))
    assert load_prompt(f"{several}#single-x").scale == (1, 10)
    with pytest.raises(BadPrompt, match="placeholder `fair`"):
        load_prompt(f"{several}#pair-x")
    for name in (f"{several}#pair-y", str(several)):
        with pytest.raises(BadPrompt) as error:
            load_prompt(name)
        assert "judge_prompts.jsonl#pair-x, judge_prompts.jsonl#single-x" in error.value.way_out


@pytest.mark.parametrize(
    ("name", "reply", "said"),
    [
        ("FastChat pair", "B is vague.\n\nMy verdict is [[A]].", "A"),
        ("FastChat pair", "Both alike. [[C]]", "tie"),
        ("alpaca_eval chat", "m", "m"),
        ("alpaca_eval chat", "M", "M"),
        ("alpaca_eval chat", '{"ordered_models": [{"model": "M", "rank": 1}, {"model": "m", "rank": 2}]}', "M"),
        ("alpaca_eval (a) (b)", "Output (b)", "b"),
        ("alpaca_eval (a) (b)", "Therefore, Output (a) is better.", "a"),
        ("FastChat single", "It is good but short. Rating: [[7]]", 7.0),
        ("G-Eval", "4", 4.0),
        ("G-Eval", "- Coherence: 4", 4.0),
        ("G-Eval", "Coherence (1-5): 3", 3.0),
        ("G-Eval", "The middle part is odd.\n\nCoherence: **2**", 2.0),
        ("inspect", "Both say 1912.\n\nGRADE: C", 1.0),
        ("inspect", "It leaves one half out. **GRADE: P**", 0.5),
        ("inspect", "grade: i", 0.0),
        ("openevals", '{"rationale": "All there.", "score": 1}', 1.0),
    ],
)
def test_what_judges_reply_to_these_templates_is_read(name: str, reply: str, said: str | float) -> None:
    found = read(parse_prompt(ALL[name], name="t"), reply)
    assert found.status == "ok", found
    assert (found.preferred if isinstance(said, str) else next(iter(found.scores.values()))) == said


@pytest.mark.parametrize(
    ("name", "reply", "status"),
    [
        ("G-Eval", "- Coherence: 9", "unparseable"),
        ("G-Eval", "- Coherence: 4-5", "unparseable"),
        ("inspect", "GRADE: C or I", "unparseable"),
        ("inspect", "The submission says `GRADE: C` of itself.", "unparseable"),
        ("inspect", "Rating: 1", "unparseable"),
        ("inspect", "ERROR: 429 Too Many Requests", "error"),
        ("inspect", "<think>GRADE: C", "truncated"),
        ("inspect", "I'm sorry, but I can't assist with that.", "refused"),
    ],
)
def test_what_holds_no_plain_answer_is_none(name: str, reply: str, status: str) -> None:
    found = read(parse_prompt(ALL[name], name="t"), reply)
    assert (found.status, found.scores) == (status, {})


def test_the_last_line_with_a_grade_holds_and_one_that_may_go_on_does_not() -> None:
    grades = {"C": 1.0, "I": 0.0}
    twice = read_answer_line("GRADE: C\nOn reflection:\nGRADE: I", "GRADE", grades, label="A")
    assert twice is not None and twice.scores == {"A": 0.0}
    assert read_answer_line("GRADE: C", "GRADE", grades, label="A", cut=True) is None
    assert read_answer_line("Score: 1\n", "Score", {}, label="A", cut=True) is not None
    by_case = read_answer_line("Best: M", "best", {"m": 0.0, "M": 1.0}, label="A")
    assert by_case is not None and by_case.scores == {"A": 1.0}
    assert by_case.span == (0, 7)


def test_a_ranking_in_a_python_list_is_read_as_alpaca_evals_first_judges_wrote_it() -> None:
    reply = "[{'model': 'model_2', 'rank': 1}, {'model': 'model_1', 'rank': 2}]"
    assert parse_verdict(reply, labels=("model_1", "model_2")).preferred == "model_2"
    assert parse_verdict(reply.replace("'rank'", "'place'"), labels=("model_1", "model_2")).status == "unparseable"
    template = "Rank model_1 and model_2.\n{instruction}\nmodel_1: {output_1}\nmodel_2: {output_2}"
    assert parse_prompt(template, name="t").labels == ("model_1", "model_2")


def pages_scripts() -> list[str]:
    page = Path(__file__).resolve().parents[2] / "docs" / "other_tools.md"
    return re.findall(r"```python\n(.*?)```", page.read_text(encoding="utf-8"), re.DOTALL)


def made_by(script: str, folder: Path, files: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> list[Item]:
    """The items that a script of the page makes of another tool's files."""
    monkeypatch.chdir(folder)
    for name, content in files.items():
        (folder / name).parent.mkdir(exist_ok=True)
        lines = [json.dumps(row) for row in content] if name.endswith(".jsonl") else [json.dumps(content)]
        (folder / name).write_text("\n".join(lines))
    with warnings.catch_warnings(action="ignore", category=ResourceWarning):  # a script leaves its files to the end
        exec(script, {})
        gc.collect()
    read = list(read_items(folder / "items.jsonl"))
    assert all(line.fault is None for line in read), [str(line.fault) for line in read]
    return [line.record for line in read if line.record is not None]


def test_the_pages_script_for_alpaca_eval_makes_pairs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    row = {"instruction": "Name a colour.", "output": "red", "generator": "m"}
    files = {"model_outputs.json": [row], "reference_outputs.json": [{**row, "generator": "text_davinci_003"}]}
    [item] = made_by(pages_scripts()[0], tmp_path, files, monkeypatch)
    assert [(one.id, one.model) for one in item.responses] == [("a", "text_davinci_003"), ("b", "m")]
    assert Judge(prompt=str(write(tmp_path, ALPACA_AB))).unfit(item) is None


def test_the_pages_script_for_inspect_makes_items_with_references(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    turns = [{"id": "1", "role": "system", "content": "Be brief."}, {"id": "2", "role": "user", "content": "3+2?"}]
    said = {"output": {"choices": [{"message": {"content": "5"}}]}}
    samples = [
        {"id": 1, "epoch": 1, "input": "2+3?", "target": "5", **said},
        {"id": 1, "epoch": 2, "input": turns, "target": ["5", "five"], **said},
    ]
    log = {"eval": {"model": "openai/gpt-4o"}, "samples": samples}
    items = made_by(pages_scripts()[1], tmp_path, {"log.json": log}, monkeypatch)
    assert [(item.id, item.reference) for item in items] == [("1-1", "5"), ("1-2", "5 or five")]
    judge = Judge(prompt=str(write(tmp_path, INSPECT)), protocol="reference")
    assert [judge.unfit(item) for item in items] == [None, None]


def test_the_pages_script_for_fastchat_makes_pairs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    files: dict[str, Any] = {"question.jsonl": [{"question_id": 81, "turns": ["Write.", "Again."]}]}
    for model in ("model_1", "model_2"):
        files[f"model_answer/{model}.jsonl"] = [{"question_id": 81, "choices": [{"turns": [f"by {model}", "more"]}]}]
    [item] = made_by(pages_scripts()[2], tmp_path, files, monkeypatch)
    assert [(one.id, one.text) for one in item.responses] == [("a", "by model_1"), ("b", "by model_2")]
    assert item.prompt == "Write."


@pytest.mark.parametrize(
    ("name", "reply", "outcome"),
    [
        ("inspect", "It says the same.\n\nGRADE: C", {"a": 1.0, "b": 1.0}),
        ("G-Eval", "- Coherence: 4", {"a": 4.0, "b": 4.0}),
        ("alpaca_eval (a) (b)", "Output (b)", "flipped"),
        ("alpaca_eval chat", "Neither of them helps me.", "failed"),
    ],
)
def test_a_model_that_answers_as_it_would_there_is_heard_here(
    tmp_path: Path, loopback: Loopback, name: str, reply: str, outcome: Any
) -> None:
    loopback.script(replies=[(".", reply)])
    path = write(tmp_path, ALL[name])
    judge = Judge("openai/m", base_url=loopback.base_url, prompt=str(path), protocol=load_prompt(str(path)).protocol)
    texts = {"a": "It is {output_2}.", "b": "It is {{ first }}."}
    responses = [{"id": name, "text": text} for name, text in texts.items()]
    decision = plurijudge.judge_item_sync({"id": "q", "prompt": "p?", "reference": "r", "responses": responses}, judge)
    assert (decision.scores if isinstance(outcome, dict) else decision.outcome) == outcome
    [shown, *_] = [request["body"]["messages"][-1]["content"] for request in loopback.requests()]
    assert any(text in shown for text in texts.values()) and "{{ '{' }}" not in shown


def write(folder: Path, template: str) -> Path:
    path = folder / "template.txt"
    path.write_text(template)
    return path


@pytest.mark.parametrize(
    ("head", "said"),
    [
        ("grades: {yes: 1}\nanswer_line: X\nscale: [0, 1]", "words with a number"),
        ("grades: {C: high}\nanswer_line: X\nscale: [0, 1]", "words with a number"),
        ("grades: {C: 1}", "not all of what belongs"),
    ],
)
def test_grades_that_do_not_hold_say_why(head: str, said: str) -> None:
    with pytest.raises(BadPrompt, match=said):
        parse_prompt(f"---\n{head}\n---\nGrade {{{{ response }}}}", name="t")
