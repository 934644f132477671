"""Does a model write for each score, rewrite there and back, and write in drawn forms, and is it counted right?"""

from __future__ import annotations

import asyncio
import json
from collections import Counter
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from plurijudge.agents.factors import factors_of
from plurijudge.agents.judge import Judge, judge_of
from plurijudge.agents.writers import LevelWriter
from plurijudge.analyses.generation import GenerationSide, generation_side
from plurijudge.analyses.heard import preferred_share
from plurijudge.graphs.budget import Budget
from plurijudge.graphs.chain import kin_notes
from plurijudge.graphs.conjoint import DESIGN, LiveConjoint, live_conjoint
from plurijudge.graphs.double_rewrites import DoubleRewrites, double_rewrites
from plurijudge.graphs.extraction import extract_dataset
from plurijudge.graphs.generation import Generated, generate
from plurijudge.graphs.study import Study
from plurijudge.metrics.conjoint_design import Design
from plurijudge.store.records import Item
from plurijudge.text.errors import BadInput, NothingToJudge

from ..court import quick, rows
from ..loopback import Loopback

Json = dict[str, Any]


def limited(calls: int) -> Any:
    return replace(quick(concurrency=1), budget=Budget(calls=calls))


# Writing for scores.

WRITES = [r"would grade it (\d) on", r"Of level \1 and no other"]
THREE = (1, 2, 3)
GRADES = [r"(?s)grade one answer.*\nOf level (\d)", r'{"rationale": "It is so.", "score": \1}']


def asked(n: int = 2) -> list[Json]:
    """Items of which the last has the prompt of the first."""
    items = [{"id": f"q{i}", "prompt": f"What is {i} and {i}?"} for i in range(n)]
    return [*items, {"id": "again", "prompt": "What is 0 and 0?"}]


def wrote(folder: Path, server: Loopback, items: list[Any], **options: Any) -> Generated:
    writer = options.pop("writer", Judge("openai/gpt-x", base_url=server.base_url))
    pace = options.pop("pace", quick())

    async def work() -> Generated:
        async with Study(folder / "s.db") as study:
            return await generate(study, items, writer, pace=pace, **options)

    return asyncio.run(work())


def test_each_prompt_is_answered_once_for_each_score_and_the_model_grades_what_it_wrote(
    tmp_path: Path, loopback: Loopback
) -> None:
    loopback.script(replies=[WRITES, GRADES])
    found = wrote(tmp_path, loopback, asked())
    assert loopback.stat()["received"] == 2 * 5 + 2 * 5
    assert [[(one.id, one.text) for one in item.responses] for item in found.items] == [
        [(str(level), f"Of level {level} and no other") for level in range(1, 6)]
    ] * 2
    assert found.twins == {"q0": "q0", "q1": "q1", "again": "q0"} and not found.failed and found.ungraded == 0
    assert found.grades["q1", "4"] == 4.0
    checked = found.manipulation
    assert checked is not None
    assert (checked.in_order.estimate, checked.monotone.estimate, checked.spearman.estimate) == (1.0, 1.0, 1.0)
    assert checked.rise.estimate == 4.0 and [mean.estimate for mean in checked.means] == [1, 2, 3, 4, 5]
    systems = [entry["body"]["messages"][0]["content"] for entry in loopback.requests()]
    writing = [text for text in systems if "You answer requests" in text]
    assert len({text for text in writing if "would grade it" in text}) == 5 and len(writing) == 10


def test_a_model_that_writes_the_same_for_every_score_is_found_out(tmp_path: Path, loopback: Loopback) -> None:
    told = {"rationale": "It is so.", "score": 3}
    loopback.script(replies=[["would grade it", "Much the same."], ["grade one answer", json.dumps(told)]])
    checked = wrote(tmp_path, loopback, asked()).manipulation
    assert checked is not None and checked.in_order.estimate == 0.0 and checked.monotone.estimate == 0.0
    assert checked.spearman.estimate is None and checked.spearman.left_out == 2


@pytest.mark.parametrize("after", [3, 9])
def test_stopped_anywhere_it_goes_on_and_writes_nothing_twice(tmp_path: Path, loopback: Loopback, after: int) -> None:
    loopback.script(replies=[WRITES, GRADES])
    stopped = wrote(tmp_path, loopback, asked(), pace=limited(after), levels=THREE)
    assert stopped.stopped and stopped.manipulation is None and loopback.stat()["received"] <= after
    found = wrote(tmp_path, loopback, asked(), levels=THREE)
    assert found.stopped == "" and found.manipulation is not None
    assert loopback.stat()["received"] == 12
    again = wrote(tmp_path, loopback, asked(), levels=THREE)
    assert again.to_dict() == found.to_dict() and loopback.stat()["received"] == 12


def test_an_answer_that_was_not_had_is_counted_and_is_no_response(tmp_path: Path, loopback: Loopback) -> None:
    loopback.script(replies=[WRITES, GRADES], faults=["400:this is refused", "ok*"])
    found = wrote(tmp_path, loopback, asked(), pace=quick(concurrency=1))
    assert dict(found.failed) == {"bad_request": 1}
    assert sorted(len(item.responses) for item in found.items) == [4, 5]
    assert found.manipulation is not None and found.manipulation.spearman.left_out == 1


def test_nothing_written_is_said(tmp_path: Path, loopback: Loopback) -> None:
    loopback.script(["400:this is refused*"])
    with pytest.raises(NothingToJudge, match="wrote nothing"):
        wrote(tmp_path, loopback, asked())
    with pytest.raises(BadInput, match="follow each other"):
        wrote(tmp_path, loopback, asked(), levels=(1, 3))


def test_without_a_network_the_built_in_writer_is_found_not_to_follow_scores(tmp_path: Path) -> None:
    async def work() -> Generated:
        async with Study(tmp_path / "s.db") as study:
            return await generate(study, asked(), Judge(), levels=THREE)

    found = asyncio.run(work())
    assert found.manipulation is not None and found.manipulation.in_order.estimate == 0.0
    assert [len(item.responses) for item in found.items] == [3, 3] and found.ungraded == 0


def test_the_score_is_part_of_who_writes() -> None:
    one = LevelWriter(Judge("openai/gpt-x"), level=2)
    assert one.title == "openai/gpt-x for a 2"
    assert len({replace(one, level=level).id for level in range(1, 6)}) == 5
    texts = [one.messages(Item(id="q", prompt="?"))[0]["content"] for one in (replace(one, level=n) for n in (1, 3, 5))]
    assert "poor answer" in texts[0] and "better than a 2 and worse than a 4" in texts[1] and "best" in texts[2]


# Both sides.


def labelled(name: str, prompt: str, a: str, b: str, preferred: str) -> Json:
    texts = [{"id": "a", "text": a}, {"id": "b", "text": b}]
    return {"id": name, "prompt": prompt, "responses": texts, "gold": [{"annotator": "h", "preferred": preferred}]}


def test_what_is_written_for_more_is_held_against_what_people_prefer(tmp_path: Path, loopback: Loopback) -> None:
    # for a 1 one word, for a 5 sixteen; people prefer the shorter of two, once one longer than all that was written
    words = [[rf"would grade it {n} on", " ".join(["word"] * 2 ** (n - 1))] for n in range(1, 6)]
    grade = json.dumps({"rationale": "It is so.", "score": 3})
    loopback.script(replies=[*words, ["grade one answer", grade]])
    people = [
        labelled("p1", "One?", "a b c", "a b c d e", "a"),
        labelled("p2", "One?", "a b", "a b c d", "a"),
        labelled("p3", "Two?", "a b c", "a b c d e f", "a"),
        labelled("p4", "Three?", "x " * 20, "x " * 10, "a"),
    ]

    async def work() -> tuple[Generated, GenerationSide]:
        async with Study(tmp_path / "s.db") as study:
            writer = Judge("openai/gpt-x", base_url=loopback.base_url)
            made = await generate(study, people, writer, pace=quick())
            dataset = rows(tmp_path / "s.db", "SELECT DISTINCT dataset FROM label")[0][0]
            told = factors_of(["length", "n_sents", "reference_recall"])
            side = generation_side(
                study.store, made.dataset, dataset, told, writer=made.writer, twins=made.twins, resamples=50
            )
            return made, side

    made, side = asyncio.run(work())
    assert [item.id for item in made.items] == ["p1", "p3", "p4"]
    length, sentences = side.factors
    assert length.generation is not None and length.people is not None
    assert (length.generation.pooled.estimate, length.generation.pairs) == (1.0, 30)
    assert (length.people.pooled.estimate, length.people.pooled.n) == (-0.5, 3)
    assert (length.reach, length.achievable.estimate, length.achievable.n) == ("covers", 2 / 3, 3)
    assert sentences.generation is not None and sentences.generation.pooled.estimate == 0.0
    assert (side.writer, side.written_pairs, side.people_pairs) == ("openai/gpt-x", 30, 4)
    # the fourth of people's pairs is longer than all that was written: on the ground of the others they like it short
    assert 0 < side.covered <= 0.75 and length.matched is not None and length.matched.pooled.estimate == -1.0
    assert side.alignment is not None and side.alignment.slope.n == 3
    assert side.alignment.slope.estimate == -2.0 and side.alignment.spearman.estimate is None  # of two factors
    assert side.alignment_matched is not None and side.alignment_matched.slope.estimate == -1.0
    assert side.unmeasured == {"reference_recall": "no item has a reference"}
    assert json.loads(json.dumps(side.to_dict()))["factors"][0]["generation"]["pooled"]["estimate"] == 1.0


def test_what_a_model_reads_off_what_was_written_is_a_factor_too(tmp_path: Path, loopback: Loopback) -> None:
    reads = [r"(?s)how formal.*\nOf level (\d)", r'{"rationale": "It is so.", "grade": \1}']
    reads_people = ["how formal", '{"rationale": "It is so.", "grade": 2}']
    loopback.script(replies=[WRITES, GRADES, reads, reads_people])
    people = [labelled("p1", "One?", "a b c", "a b c d e", "a"), labelled("p2", "Two?", "a", "a b", "b")]
    [formality] = factors_of(["formality"])

    async def work() -> GenerationSide:
        async with Study(tmp_path / "s.db") as study:
            writer = Judge("openai/gpt-x", base_url=loopback.base_url)
            made = await generate(study, people, writer, pace=quick())
            dataset = rows(tmp_path / "s.db", "SELECT DISTINCT dataset FROM label")[0][0]
            read = [
                await extract_dataset(study, one, writer, [formality], pace=quick()) for one in (made.dataset, dataset)
            ]
            return generation_side(
                study.store,
                made.dataset,
                dataset,
                [formality],
                extracted_written=read[0].column,
                extracted_people=read[1].column,
                resamples=50,
            )

    [side] = asyncio.run(work()).factors
    assert side.generation is not None and side.generation.pooled.estimate == 1.0
    assert side.people is not None and side.people.pooled.estimate == 0.0 and side.achievable.estimate == 1.0


# Rewriting there and back.

LONG = "The lake is 12 m deep, as can be read on the old sign, and it is cold in the winter, as all lakes here are."
SHORT = "The lake is 12 m deep. It is cold in the winter."
TEXT = r"The text:\n(==\S+==)\n(.*?)\n\1"
LONGER = [rf"(?s)You make a text longer.*{TEXT}", r"\2 That is what there is to be said about the lake, no more."]
SHORTER = [r"You make a text shorter", SHORT]
SAME = ["whether they say the same", "Yes."]


def lakes() -> list[Json]:
    texts = [{"id": "a", "text": LONG}, {"id": "b", "text": SHORT}]
    return [{"id": f"q{n}", "prompt": f"How is lake {n}?", "responses": texts} for n in range(2)]


def rewrote(folder: Path, server: Loopback, judge: Judge, items: list[Any], **options: Any) -> DoubleRewrites:
    writer, pace = Judge("openai/command-r", base_url=server.base_url), options.pop("pace", quick())

    async def work() -> DoubleRewrites:
        async with Study(folder / "s.db") as study:
            return await double_rewrites(study, items, judge, writer, pace=pace, **options)

    return asyncio.run(work())


def likes_length(item: Item, presentation: tuple[str, ...]) -> Any:
    sizes = {name: len((item.response(name).text or "").split()) for name in presentation}
    return max(sizes, key=lambda name: sizes[name]) if len(sizes) > 1 else float(sizes[presentation[0]] > 20) + 3


def test_a_judge_that_likes_length_is_moved_by_it_in_scores(tmp_path: Path, loopback: Loopback) -> None:
    loopback.script(replies=[LONGER, SHORTER, SAME])
    judge = judge_of(likes_length, protocol="score")
    found = rewrote(tmp_path, loopback, judge, lakes())
    assert (found.measure, found.responses, found.having, dict(found.left_out)) == ("score", 4, 2, {})
    effect = found.effect
    assert effect is not None
    # long ones: 4, shortened 3, lengthened again 4; short ones: 3, lengthened 4, shortened again 3
    assert (effect.ate.estimate, effect.att.estimate, effect.atu.estimate) == (1.0, 1.0, 1.0)
    assert (effect.naive.estimate, effect.off_target.estimate, effect.responses) == (1.0, 0.0, 4)
    assert effect.ate.n == 2
    # of each prompt the long one shortened, the short one lengthened, and that shortened again: what the first became
    # is lengthened as the second was. Whether two texts say the same does not hang on the prompt: three such questions.
    assert loopback.stat()["received"] == 2 * 3 + 3
    assert rewrote(tmp_path, loopback, judge, lakes()).to_dict() == found.to_dict()
    assert loopback.stat()["received"] == 9


def test_in_preference_the_judge_sees_pairs_in_both_orders(tmp_path: Path, loopback: Loopback) -> None:
    loopback.script(replies=[LONGER, SHORTER, SAME])
    found = rewrote(tmp_path, loopback, judge_of(likes_length), lakes())
    assert found.effect is not None and found.measure == "preference" and found.notes == ()
    assert (found.effect.ate.estimate, found.effect.single_ate.estimate) == (0.5, 0.5)
    verdicts = rows(tmp_path / "s.db", "SELECT COUNT(*), COUNT(DISTINCT item) FROM verdict")
    assert verdicts == [(16, 8)]


def test_a_judge_that_takes_the_first_is_not_moved(tmp_path: Path, loopback: Loopback) -> None:
    loopback.script(replies=[LONGER, SHORTER, SAME])
    found = rewrote(tmp_path, loopback, judge_of(lambda item, presentation: presentation[0]), lakes())
    assert found.effect is not None and found.effect.ate.estimate == 0.0


@pytest.mark.parametrize(
    ("replies", "reason", "n"),
    [
        ([["You make a text shorter", "The lake is 13 m deep."], LONGER], "a number is gone", 2),
        ([["You make a text shorter", LONG.replace(", as all", " as all")], LONGER], "it is too long", 2),
        ([SHORTER, LONGER, ["whether they say", "No."]], "the checker says that the meaning changed", 4),
        ([SHORTER, LONGER, ["whether they say", "Who knows?"]], "the checker did not say", 4),
    ],
)
def test_a_rewriting_that_changed_more_is_left_out_with_the_reason(
    tmp_path: Path, loopback: Loopback, replies: list[list[str]], reason: str, n: int
) -> None:
    loopback.script(replies=[*replies, SAME])
    judge = judge_of(likes_length, protocol="score")
    if n == 4:
        with pytest.raises(NothingToJudge, match=reason):
            rewrote(tmp_path, loopback, judge, lakes())
        return
    found = rewrote(tmp_path, loopback, judge, lakes())
    told = {why: count for why, count in found.left_out.items() if why.startswith(reason)}
    assert found.effect is not None and found.effect.responses <= 2
    assert found.effect.att.estimate is None and sum(told.values()) >= n


def test_a_list_is_made_prose_and_prose_a_list(tmp_path: Path, loopback: Loopback) -> None:
    listed, prose = "1. The lake is 12 m deep.\n2. It is cold.", "The lake is 12 m deep. It is cold."
    bullets = "- The lake is 12 m deep.\n- It is cold."
    loopback.script(replies=[["form of a list", bullets], ["into plain paragraphs", prose], SAME])
    texts = [{"id": "a", "text": listed}, {"id": "b", "text": prose}]
    items = [{"id": f"q{n}", "prompt": f"How is lake {n}?", "responses": texts} for n in range(2)]
    judge = judge_of(lambda item, shown: 5.0 if "- " in item.response(shown[0]).text else 2.0, protocol="score")
    found = rewrote(tmp_path, loopback, judge, items, attribute="format")
    assert (found.having, dict(found.left_out)) == (2, {}) and found.effect is not None
    assert found.effect.ate.estimate == 3.0
    assert found.effect.single_att.estimate == 0.0  # numbers are no bullets to this judge: rewriting alone did that


def test_stopped_while_rewriting_it_goes_on(tmp_path: Path, loopback: Loopback) -> None:
    loopback.script(replies=[LONGER, SHORTER, SAME])
    judge = judge_of(likes_length, protocol="score")
    for calls in (1, 5, 8):
        stopped = rewrote(tmp_path, loopback, judge, lakes(), pace=limited(calls))
        assert stopped.stopped and stopped.effect is None and loopback.stat()["received"] <= calls
    found = rewrote(tmp_path, loopback, judge, lakes())
    assert found.effect is not None and loopback.stat()["received"] == 9


def test_who_cannot_rewrite_or_judge_here_is_refused(tmp_path: Path, loopback: Loopback) -> None:
    refused: list[tuple[Judge, Json, str]] = [
        (Judge(protocol="rank"), {}, "protocol `rank`"),
        (Judge(), {"attribute": "colour"}, "no attribute `colour`"),
        (Judge(), {"checker": Judge()}, "rewrites no texts"),
    ]
    for judge, options, said in refused:
        with pytest.raises(BadInput, match=said):
            rewrote(tmp_path, loopback, judge, lakes(), **options)


# Drawn forms.


def likes_lists(item: Item, presentation: tuple[str, ...]) -> str:
    lists = [name for name in presentation if "\n- " in (item.response(name).text or "")]
    return lists[0] if len(lists) == 1 else presentation[0]


def drawn(folder: Path, judge: Judge, items: list[Any], **options: Any) -> LiveConjoint:
    pace = options.pop("pace", quick())

    async def work() -> LiveConjoint:
        async with Study(folder / "s.db") as study:
            return await live_conjoint(study, items, judge, pace=pace, **options)

    return asyncio.run(work())


def told(n: int) -> list[Json]:
    return [{"id": f"q{i}", "prompt": f"How is {i}?", "reference": f"It is {i}. It is cold."} for i in range(n)]


def test_by_rule_a_judge_that_likes_lists_is_found_and_nothing_else(tmp_path: Path) -> None:
    found = drawn(tmp_path, judge_of(likes_lists), told(40), pairs=2, seed=1)
    assert (found.writer, found.pairs, found.judged, dict(found.left_out)) == ("by rule", 80, 80, {})
    assert found.found is not None
    effects = {(one.attribute, one.level): one.effect for one in found.found.levels if one.effect is not None}
    # a list beats prose, and half of the pairs are alike: three quarters against one quarter, and so is the first place
    for key in (("form", "list"), ("place", "first")):
        effect = effects.pop(key)
        assert effect.low is not None and effect.high is not None and effect.estimate is not None
        assert effect.low <= 0.5 <= effect.high and abs(effect.estimate - 0.5) < 0.1
    for effect in effects.values():
        assert effect.estimate is not None and effect.standard_error is not None
        assert abs(effect.estimate) < 4 * effect.standard_error
    assert all(share == 1.0 for levels in found.carried_out.values() for share in levels.values())
    assert min(one.p_holm for one in found.balance) > 0.001


def test_both_orders_of_a_pair_are_rows_of_one_prompt(tmp_path: Path) -> None:
    found = drawn(tmp_path, judge_of(likes_lists), told(4))
    assert found.found is not None
    assert (found.found.profiles, found.found.clusters) == (2 * 2 * 4, 4)
    place = next(one for one in found.found.levels if (one.attribute, one.level) == ("place", "first"))
    assert place.profiles == 8


def test_a_grader_has_no_place_in_front(tmp_path: Path) -> None:
    judge = judge_of(lambda item, shown: 3.0 + (len(item.response(shown[0]).text.split()) > 22), protocol="score")
    found = drawn(tmp_path, judge, told(20), seed=3)
    assert found.found is not None and "place" not in {one.attribute for one in found.found.levels}
    [longer] = [one.effect for one in found.found.levels if one.level == "long" and one.effect is not None]
    assert longer.estimate is not None and longer.estimate > 0.3


def test_a_model_writes_in_the_forms_drawn_and_what_it_did_of_them_is_told(tmp_path: Path, loopback: Loopback) -> None:
    form = Design({"form": ("prose", "list"), "colour": ("red", "blue")})
    lists = [r'(?s)begins with "- "\..*Colour: (\w+)', r"- One \1.\n- Two."]
    loopback.script(replies=[lists, [r"Colour: (\w+)", r"One \1. Two."]])
    writer = Judge("openai/gpt-x", base_url=loopback.base_url)
    items = [{"id": f"q{i}", "prompt": f"How is {i}?"} for i in range(8)]
    found = drawn(tmp_path, judge_of(likes_lists), items, design=form, writer=writer)
    needed = rows(tmp_path / "s.db", "SELECT COUNT(*) FROM call WHERE status = 'ok' AND step = 'answer'")[0][0]
    assert loopback.stat()["received"] == needed <= 16
    assert found.found is not None and found.carried_out == {"form": {"list": 1.0, "prose": 1.0}}
    assert [one.attribute for one in found.found.levels] == ["form", "form", "colour", "colour", "place", "place"]
    again = drawn(tmp_path, judge_of(likes_lists), items, design=form, writer=writer)
    assert again.to_dict() == found.to_dict() and loopback.stat()["received"] == needed


def test_stopped_while_writing_forms_it_goes_on(tmp_path: Path, loopback: Loopback) -> None:
    loopback.script(replies=[["You answer requests", "One. Two."]])
    writer = Judge("openai/gpt-x", base_url=loopback.base_url)
    items = [{"id": f"q{i}", "prompt": f"How is {i}?"} for i in range(4)]
    stopped = drawn(tmp_path, judge_of(likes_lists), items, writer=writer, pace=limited(3))
    assert stopped.stopped and stopped.found is None and loopback.stat()["received"] == 3
    found = drawn(tmp_path, judge_of(likes_lists), items, writer=writer)
    assert found.found is not None
    assert max(Counter(key["answered"] for key in loopback.stat()["keys"].values())) == 1


def test_a_pair_without_its_texts_is_left_out_and_an_order_without_a_verdict_is_not_counted(tmp_path: Path) -> None:
    def fickle(item: Item, presentation: tuple[str, ...]) -> Any:
        return None if presentation[0] == "second" or item.id.startswith("q2") else "first"

    items = [*told(3), {"id": "bare", "prompt": "Why?"}]
    found = drawn(tmp_path, judge_of(fickle), items)
    assert found.left_out == {"the item has no text to be put into a form": 1}
    assert (found.pairs, found.judged) == (4, 2)
    assert found.found is not None and (found.found.profiles, found.found.left_out) == (4, 8)
    assert found.found.clusters == 2 and found.found.levels[0].mean.left_out == 1
    with pytest.raises(NothingToJudge, match="no text to be put"):
        drawn(tmp_path, judge_of(fickle), items[-1:])


def test_a_design_that_no_rule_makes_needs_a_writer(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="`colour: red` is not made by rule"):
        drawn(tmp_path, Judge(), told(1), design=Design({"colour": ("red", "blue")}))
    with pytest.raises(BadInput, match="protocol `rank`"):
        drawn(tmp_path, Judge(protocol="rank"), told(1))
    assert DESIGN.profiles == 2 * 2 * 3 * 2


def test_a_judge_that_judges_what_its_kin_wrote_is_named() -> None:
    one = Judge("openai/gpt-x")
    assert kin_notes(one, Judge("openai/gpt-x", temperature=1.0), does="wrote") == (
        "openai/gpt-x judges what it wrote itself",
    )
    assert "its kin openai/gpt-y rewrote (OpenAI)" in kin_notes(one, Judge("openai/gpt-y"), does="rewrote")[0]
    for other in (Judge("openai/command-r"), Judge("my/model"), Judge()):
        assert kin_notes(one, other, does="wrote") == ()


def test_a_preference_needs_both_orders() -> None:
    assert preferred_share({("a", "b"): 1.0}, "a") is None
    assert preferred_share({("a", "b"): 1.0}, "b", both=False) == 0.0
    assert preferred_share({}, "a", both=False) is None
