"""Which verdicts does a plan ask for, and are its draws the same each time?"""

from __future__ import annotations

from plurijudge.agents.judge import Judge
from plurijudge.graphs.plan import Plan
from plurijudge.store.records import Item, Part, Response


def item(name: str = "q", n: int = 2, text: str = "x") -> Item:
    return Item(id=name, prompt="p", responses=[Response(id=f"r{i}", text=text) for i in range(n)])


def test_a_pair_is_shown_in_both_orders_each_sample() -> None:
    shown = [(u.presentation, u.sample) for u in Plan(samples=2).units(item(), Judge())]
    assert shown == [(("r0", "r1"), 0), (("r0", "r1"), 1), (("r1", "r0"), 0), (("r1", "r0"), 1)]


def test_a_score_is_asked_for_each_response() -> None:
    units = Plan().units(item(n=3), Judge(protocol="score"))
    assert [u.presentation for u in units] == [("r0",), ("r1",), ("r2",)]


def test_a_random_presentation_depends_on_seed_judge_and_item_alone_and_is_even() -> None:
    plan, judge = Plan(presentations="random", seed=3), Judge()
    drawn = [plan.shown(item(f"q{i}"), judge) for i in range(400)]
    assert drawn == [plan.shown(item(f"q{i}"), judge) for i in range(400)]
    assert all(len(shown) == 1 for shown in drawn)
    assert 160 < sum(shown[0][0] == "r0" for shown in drawn) < 240
    others = [Plan(presentations="random", seed=4), Plan(presentations="random", seed=3)]
    assert drawn != [others[0].shown(item(f"q{i}"), judge) for i in range(400)]
    assert drawn != [others[1].shown(item(f"q{i}"), Judge(criteria="brevity")) for i in range(400)]


def test_what_cannot_be_judged_is_named_with_its_field() -> None:
    plan = Plan(max_chars=10)
    assert plan.unfit(item(), Judge()) is None
    assert plan.unfit(item(n=1), Judge()) == (
        "responses",
        "has 1 of the 2 responses that the protocol `pairwise` needs",
    )
    assert "compares two" in (plan.unfit(item(n=3), Judge()) or ("", ""))[1]
    assert plan.unfit(item(n=1), Judge(protocol="score")) is None
    assert (plan.unfit(item(text="x" * 11), Judge()) or ("",))[0] == "responses[0].text"
    assert plan.unfit(item(text="  "), Judge()) == ("responses", "are all without text")


def test_an_agents_trajectory_is_a_response_like_any_other() -> None:
    parts = [Part(type="tool_call", name="add", arguments={"a": 1}), Part(type="text", text="It is 2.")]
    agent = Item(id="q", prompt="p", responses=[Response(id="a", parts=parts), Response(id="b", text="2")])
    assert Plan().unfit(agent, Judge()) is None
    assert len(Plan().units(agent, Judge())) == 2
