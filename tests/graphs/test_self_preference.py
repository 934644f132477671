"""Do candidates answer, does everybody judge, and is nothing asked twice, whenever it is stopped?"""

from __future__ import annotations

import asyncio
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from plurijudge.agents.author import Author
from plurijudge.agents.judge import Judge
from plurijudge.analyses.self_preference import Options
from plurijudge.graphs.authoring import Answers
from plurijudge.graphs.budget import Budget
from plurijudge.graphs.contest import Contest, forecast
from plurijudge.graphs.given import as_item
from plurijudge.graphs.plan import Plan
from plurijudge.graphs.runner import Pace
from plurijudge.graphs.self_preference import Trial, pairs_of, stored_in, try_candidates
from plurijudge.graphs.study import Study
from plurijudge.store.records import Item
from plurijudge.store.reports import analyses_of
from plurijudge.text.errors import BadInput, NothingToJudge, PlurijudgeError

from ..court import QUICK, rows
from ..loopback import Loopback

CANDIDATES = ("gpt-x", "llama-y", "qwen-z")
GOLD = ("claude-1", "gemini-2")
ANSWERS = "You answer requests"
WRITES = [[ANSWERS, "I am {model}, and of this I say {hash}."]]
FEW = Options(resamples=200)


def prompts(n: int) -> list[dict[str, Any]]:
    return [{"id": f"q{i}", "prompt": f"What is {i} and {i}?"} for i in range(n)]


def contest(server: Loopback, **options: Any) -> Contest:
    """Three candidates and two gold judges at one server, none the other's kin."""

    def judge(name: str) -> Judge:
        return Judge(f"openai/{name}", base_url=server.base_url, ties=False)

    return Contest(tuple(map(judge, CANDIDATES)), tuple(map(judge, GOLD)), **options)


def tried(folder: Path, given: Any, who: Contest, **options: Any) -> Trial:
    """A trial in the folder's store."""
    pace = options.pop("pace", Pace(limits=QUICK))

    async def work() -> Trial:
        async with Study(folder / "study.db") as study:
            return await try_candidates(study, given, who, pace=pace, options=FEW, **options)

    return asyncio.run(work())


# What is asked.


def test_it_takes_as_many_calls_as_was_said_and_every_judge_sees_every_pair_in_both_orders(
    tmp_path: Path, loopback: Loopback
) -> None:
    loopback.script(replies=WRITES)
    who = contest(loopback)
    said = forecast([as_item(item) for item in prompts(4)], who)
    assert (said.answers, said.verdicts) == (12, 4 * 3 * 2 * 5)
    trial = tried(tmp_path, prompts(4), who)
    assert loopback.stat()["received"] == said.calls == 132
    assert [*trial.outcomes] == [f"openai/{name}" for name in (*CANDIDATES, *GOLD)]
    assert all(outcome.status == "closed" for outcome in trial.outcomes.values())
    heard = rows(
        tmp_path / "study.db", "SELECT judge, item, COUNT(DISTINCT presentation) FROM verdict GROUP BY judge, item"
    )
    assert len(heard) == 4 * 15 and {row[2] for row in heard} == {2}
    wrote = rows(tmp_path / "study.db", "SELECT DISTINCT id, model FROM response ORDER BY id")
    assert wrote == [(f"openai/{name}", f"openai/{name}") for name in CANDIDATES]
    assert trial.matrix is not None and len(trial.matrix.overall) == 6
    assert {cell.items for cell in trial.matrix.cells} == {4}
    kept = rows(tmp_path / "study.db", "SELECT DISTINCT judge, opponent FROM dbg_score WHERE measure = 'eqb'")
    assert sorted(kept) == sorted((cell.judge, cell.opponent) for cell in trial.matrix.cells)


def test_a_judge_is_never_told_who_wrote_what(tmp_path: Path, loopback: Loopback) -> None:
    loopback.script(replies=WRITES, faults=[{"fault": "say", "arg": f"Answer {i}", "times": 1} for i in range(4)])
    two = contest(loopback)
    who = Contest(two.candidates[:2], two.gold)
    tried(tmp_path, prompts(2), who)
    asked = [entry["body"] for entry in loopback.requests()]
    judged = [str(body["messages"]) for body in asked if ANSWERS not in str(body["messages"])]
    assert len(judged) == 2 * 1 * 2 * 4
    assert not any(name in text for text in judged for name in CANDIDATES)


@pytest.mark.thorough
def test_begun_again_it_asks_nothing_and_gives_the_same(tmp_path: Path, loopback: Loopback) -> None:
    loopback.script(replies=WRITES)
    who = contest(loopback)
    first = tried(tmp_path, prompts(2), who)
    asked = loopback.stat()["received"]
    again = tried(tmp_path, prompts(2), who)
    assert loopback.stat()["received"] == asked
    assert first.matrix is not None and again.matrix is not None
    assert again.matrix.to_dict() == first.matrix.to_dict()
    assert len(rows(tmp_path / "study.db", "SELECT id FROM run")) == 8


@pytest.mark.parametrize("after", [4, 30])
def test_stopped_anywhere_it_goes_on_and_asks_only_what_is_left(tmp_path: Path, loopback: Loopback, after: int) -> None:
    loopback.script(replies=WRITES)
    who, items = contest(loopback), prompts(2)
    said = forecast([as_item(item) for item in items], who)
    stopped = tried(tmp_path, items, who, pace=Pace(limits=QUICK, budget=Budget(calls=after)))
    assert stopped.matrix is None and "limit of" in stopped.stopped
    asked = loopback.stat()["received"]
    assert 0 < asked <= after
    with Study(tmp_path / "study.db") as study:
        dataset = rows(tmp_path / "study.db", "SELECT dataset FROM run WHERE kind = 'author'")[0][0]
        known = [as_item(item) for item in items]
        assert stored_in(study.store, dataset, known, who, plan=Plan()) == asked
    whole = tried(tmp_path, items, who)
    assert whole.matrix is not None and loopback.stat()["received"] == said.calls
    assert max(Counter(key["answered"] for key in loopback.stat()["keys"].values())) == 1


@pytest.mark.thorough
def test_a_new_candidate_costs_its_own_calls_alone(tmp_path: Path, loopback: Loopback) -> None:
    loopback.script(replies=WRITES)
    all_three = contest(loopback)
    tried(tmp_path, prompts(2), Contest(all_three.candidates[:2], all_three.gold))
    before = loopback.stat()["received"]
    assert before == 4 + 2 * 1 * 2 * 4
    tried(tmp_path, prompts(2), all_three)
    # two answers; of each prompt the newcomer on three pairs, the four others on the two pairs that are new
    assert loopback.stat()["received"] - before == 2 + 2 * 2 * (3 + 2 * 4)


@pytest.mark.thorough
def test_answers_that_came_with_the_items_are_not_asked_for(tmp_path: Path, loopback: Loopback) -> None:
    loopback.script(replies=WRITES)
    who = contest(loopback)
    items = prompts(3)
    for item in items:
        item["responses"] = [{"id": "a", "model": "openai/gpt-x", "text": f"Recorded {item['id']}."}]
    assert forecast([as_item(item) for item in items], who).answers == 6
    trial = tried(tmp_path, items, who)
    assert (trial.answers[0].run, trial.answers[0].texts["q1"]) == ("", "Recorded q1.")
    texts = rows(
        tmp_path / "study.db", "SELECT DISTINCT text FROM response WHERE id = 'openai/gpt-x' AND item LIKE '%~%'"
    )
    assert sorted(texts) == [("Recorded q0.",), ("Recorded q1.",), ("Recorded q2.",)]


def test_a_prompt_that_a_candidate_leaves_unanswered_is_no_pair_and_is_counted(
    tmp_path: Path, loopback: Loopback
) -> None:
    loopback.script(replies=WRITES, faults=["400:this one is refused", "ok*"])
    trial = tried(tmp_path, prompts(3), contest(loopback), pace=Pace(limits=QUICK))
    (name, n), *others = trial.unanswered.items()
    assert (name, n, others) == ("openai/gpt-x", 1, [])
    assert trial.matrix is not None
    assert {(cell.judge == name, cell.opponent == name): cell.items for cell in trial.matrix.overall} == {
        (True, False): 2,
        (False, True): 2,
        (False, False): 3,
    }
    asked = loopback.stat()["received"]
    again = tried(tmp_path, prompts(3), contest(loopback))  # what failed is asked again, and nothing else but its pairs
    assert again.unanswered == {} and loopback.stat()["received"] - asked == 1 + 2 * 2 * 5


def test_nothing_can_be_said_where_nobody_answered(tmp_path: Path, loopback: Loopback) -> None:
    loopback.script(replies=WRITES, faults=["empty*"])
    with pytest.raises(NothingToJudge, match="answered by two candidates"):
        tried(tmp_path, prompts(2), contest(loopback))


# Who may take part.


def named(*names: str) -> tuple[Judge, ...]:
    return tuple(Judge(f"openai/{name}") for name in names)


@pytest.mark.parametrize(
    ("candidates", "gold", "message"),
    [
        (["gpt-x"], ["claude-1", "gemini-2"], "two candidates"),
        (["gpt-x", "llama-y"], [], "no gold judge"),
        (["gpt-x", "gpt-x"], ["claude-1", "gemini-2"], "named twice"),
        (["gpt-x", "llama-y"], ["gpt-x", "claude-1"], "named twice"),
        (["gpt-x", "llama-y"], ["gpt-5", "claude-1"], "of the family of openai/gpt-x"),
        (["gpt-x", "llama-y"], ["claude-1", "claude-2"], "all gold is of one family"),
        (["gpt-x", "llama-y"], ["claude-1", "stranger"], "family of the gold judge openai/stranger is not known"),
        (["gpt-x", "stranger"], ["claude-1", "gemini-2"], "family of the candidate openai/stranger is not known"),
    ],
)
def test_gold_that_is_not_shown_to_be_independent_is_refused(
    candidates: list[str], gold: list[str], message: str
) -> None:
    with pytest.raises(BadInput, match=message):
        Contest(named(*candidates), named(*gold)).check()


def test_a_family_may_be_named_and_kin_allowed_which_is_then_said() -> None:
    families = {"openai/stranger": "Folk"}
    assert Contest(named("gpt-x", "stranger"), named("claude-1", "gemini-2"), families=families).check() == ()
    notes = Contest(named("gpt-x", "llama-y"), named("gpt-5", "claude-1"), allow_kin=True).check()
    assert notes == ("the gold judge openai/gpt-5 is of the family of openai/gpt-x (OpenAI)",)


def test_who_cannot_compare_or_cannot_write_is_refused() -> None:
    gold = named("claude-1", "gemini-2")
    with pytest.raises(PlurijudgeError, match="grades single responses"):
        Contest((*named("gpt-x"), Judge("openai/llama-y", protocol="score")), gold).check()
    own = Judge("callable/x", function="plurijudge.graphs.one_item:judge_pair")
    with pytest.raises(BadInput, match="writes no answers"):
        Contest((*named("gpt-x"), own), gold).check()


# What is written.


def test_a_pair_carries_what_the_prompt_came_with() -> None:
    item = as_item(
        {
            "id": "q",
            "prompt": "?",
            "context": "c",
            "responses": [{"id": "a", "model": "m1", "text": "one"}, {"id": "b", "model": "m2", "text": "two"}],
            "gold": [{"annotator": "h", "preferred": "b"}, {"annotator": "i", "preferred": ["a", "tie"]}],
            "meta": {"subset": "s", "quality": {"a": 0.2, "b": 0.9}},
        }
    )
    (pair,) = pairs_of([item], [Answers("m2", texts={"q": "two"}), Answers("m1", texts={"q": "one"})])
    assert [(one.id, one.model, one.text) for one in pair.responses] == [("m2", "m2", "two"), ("m1", "m1", "one")]
    assert [label.acceptable for label in pair.gold] == [frozenset({"m2"}), frozenset({"m1", "tie"})]
    assert pair.meta == {"subset": "s", "quality": {"m1": 0.2, "m2": 0.9}, "prompt_id": "q"}
    assert pair.context == "c"
    assert pairs_of([item], [Answers("m1", texts={"q": "one"}), Answers("m2")]) == []


def test_an_author_is_asked_with_the_turns_of_the_prompt_and_one_system_message() -> None:
    author = Author(Judge("openai/gpt-x"), words=30)
    turns = [
        {"role": "system", "content": "Be brief."},
        {"role": "user", "content": "Hello"},
        {"role": "assistant", "content": "Yes?"},
        {"role": "user", "content": "What is in the note?"},
    ]
    asked = author.messages(as_item({"id": "q", "prompt": turns, "context": "The note says: rain."}))
    assert [message["role"] for message in asked] == ["system", "user", "assistant", "user"]
    assert "at most 30 words" in asked[0]["content"] and asked[0]["content"].endswith("Be brief.")
    assert asked[-1]["content"] == "The note says: rain.\n\nWhat is in the note?"
    assert "words" not in Author(Judge("openai/gpt-x"), words=0).messages(Item(id="q", prompt="?"))[0]["content"]


def test_what_may_change_an_answer_changes_the_author() -> None:
    one = Author(Judge("openai/gpt-x"))
    assert one.id == Author(Judge("openai/gpt-x", criteria="be kind", ties=False)).id  # of judging alone
    for other in (Author(Judge("openai/gpt-y")), Author(Judge("openai/gpt-x", temperature=1.0)), Author(one.judge, 9)):
        assert other.id != one.id


# Without any network.


def test_built_in_candidates_write_judge_and_know_their_own(tmp_path: Path) -> None:
    fair, vain = "builtin/planted?name=fair", "builtin/planted?self=40&name=vain"
    gold = [f"builtin/planted?seed={seed}&name=gold{seed}" for seed in (1, 2)]
    trial = tried(tmp_path, prompts(4), Contest.of([fair, vain], gold, allow_kin=True))
    assert trial.matrix is not None and any("family" in note for note in trial.notes)
    wins = {cell.judge: cell.found.score.own_win_rate.estimate for cell in trial.matrix.overall}
    assert wins[vain] == 1.0 and 0.0 <= (wins[fair] or 0.0) < 1.0
    texts = {text for one in trial.answers for text in one.texts.values()}
    assert len(texts) == 8  # no two answers are alike
    assert trial.to_dict()["matrix"]["options"]["notes"] == [*trial.notes]


# What is done to the answers.

RESTYLES = [
    [r"(?s)into another style.*The text:\n(==\S+==)\n(.*?)\n\1", r"\2 That is all there is to say of it."],
    ["whether they say the same", "Yes."],
]


def test_answers_in_one_style_and_with_names_on_them_are_judged_too(tmp_path: Path, loopback: Loopback) -> None:
    loopback.script(replies=[*WRITES, *RESTYLES])
    writer = Judge("openai/command-r", base_url=loopback.base_url)
    who = contest(loopback, writer=writer, disclosed=True)
    said = forecast([as_item(item) for item in prompts(2)], who)
    trial = tried(tmp_path, prompts(2), who)
    assert loopback.stat()["received"] == said.calls == 6 + 12 + 2 * 3 * 2 * (5 + 3 + 5)
    assert sorted(trial.arms) == ["disclosed", "rewritten"]
    assert all(len(matrix.overall) == 6 for matrix in trial.arms.values())
    db = tmp_path / "study.db"
    (text,) = rows(db, "SELECT text FROM response WHERE item LIKE '%~rewritten' LIMIT 1")[0]
    assert text.endswith("That is all there is to say of it.")
    asked = [str(entry["body"]["messages"]) for entry in loopback.requests()]
    told = [text for text in asked if "was written by openai/" in text]
    assert len(told) == 2 * 3 * 2 * 3 and all("the other one by openai/" in text for text in told)
    arms = rows(db, "SELECT arm, COUNT(DISTINCT judge || opponent) FROM dbg_score GROUP BY arm ORDER BY arm")
    assert arms == [("", 6), ("disclosed", 6), ("rewritten", 6)]
    with Study(db) as study:
        for run in (trial.outcomes["openai/gpt-x"].run, trial.outcomes["openai/gpt-x (rewritten)"].run):
            shown = [one["options"]["arm"] for one in analyses_of(study.store, run)]
            assert shown == [
                "",
                "disclosed",
                "rewritten",
            ]  # whichever run is named, the arms stand beside the plain one
    assert tried(tmp_path, prompts(2), who).arms.keys() == trial.arms.keys()
    assert loopback.stat()["received"] == said.calls


@pytest.mark.parametrize(
    ("replies", "reason"),
    [
        ([["into another style", "In short: 12 and 13."]], "a number is gone"),
        ([RESTYLES[0], ["whether they say the same", "No."]], "the checker says that the meaning changed"),
        ([RESTYLES[0], ["whether they say the same", "Perhaps."]], "the checker did not say"),
    ],
)
def test_a_rewriting_that_says_something_else_is_left_out_with_the_reason(
    tmp_path: Path, loopback: Loopback, replies: Any, reason: str
) -> None:
    loopback.script(replies=[*WRITES, *replies])
    whole = contest(loopback, writer=Judge("openai/command-r", base_url=loopback.base_url))
    trial = tried(tmp_path, prompts(1), Contest(whole.candidates[:2], whole.gold, writer=whole.writer))
    assert trial.matrix is not None and trial.arms == {}
    assert f"2 of 2 rewritings are left out: 2 because {reason}" in trial.notes


def test_a_candidate_does_not_rewrite(loopback: Loopback) -> None:
    whole = contest(loopback)
    with pytest.raises(BadInput, match="rewritten by a third model"):
        contest(loopback, writer=whole.candidates[0]).check()
