"""Does the command say what a judge goes by, where people do not, and what it could not measure?"""

from __future__ import annotations

import json
import random
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest

from plurijudge.benchmarks.section import rows

from ..loopback import Loopback
from .conftest import Plurijudge
from .test_report import Page

QUICK = ("--resamples", "100")
SIXES = '''def sixes(judged):
    """Times that six is said."""
    return judged.response.words.count("six")
'''
SVG = "{http://www.w3.org/2000/svg}"


def line_of(document: dict[str, Any], factor: str, rater: int = 0) -> dict[str, Any]:
    found: dict[str, Any] = next(one for one in document["raters"][rater]["factors"] if one["factor"] == factor)
    return found


def recorded(folder: Plurijudge, n: int = 12) -> None:
    """Pairs of which the judge always prefers the longer one, and people do on two of three."""
    items, said = [], []
    for number in range(n):
        long, short = "One two three four five six.", "One two."
        texts = (long, short) if number % 2 else (short, long)
        longer = "a" if number % 2 else "b"
        people = longer if number % 3 else ("b" if longer == "a" else "a")
        responses = [{"id": side, "text": text} for side, text in zip("ab", texts, strict=True)]
        gold = [{"annotator": "h", "preferred": people}]
        items.append({"id": f"q{number}", "prompt": f"Say {number}.", "responses": responses, "gold": gold})
        said += [
            {"item": f"q{number}", "judge": "j", "presentation": shown, "preferred": longer}
            for shown in (["a", "b"], ["b", "a"])
        ]
    folder.write("texts.jsonl", items)
    folder.write("verdicts.jsonl", said)


FILES = ("profile", "texts.jsonl", "--verdicts", "verdicts.jsonl", *QUICK)


def test_recorded_verdicts_beside_people_in_words_a_table_a_picture_and_a_page(plurijudge: Plurijudge) -> None:
    recorded(plurijudge)
    asked = ("--against", "human", "--factors", "length,n_sents", "--picture", "f.svg", "--html", "report.html")
    done = plurijudge(*FILES, *asked)
    assert done.code == 0, done.err
    assert "What does j go by?" in done.out and "12 pairs of responses to 12 prompts were measured." in done.out
    assert "not shown (all prompts are alike)" in done.out  # nothing tells how prompts differ: no error, and no finding
    assert "These are associations" in done.out
    assert (
        "Warning: a rank correlation is nearly blind to noise." not in done.out
    )  # two factors have no order to speak of
    picture = ElementTree.parse(plurijudge.folder / "f.svg").getroot()
    texts = [one.text or "" for one in picture.iter(f"{SVG}text")]
    assert {"j", "people", "length"} <= set(texts)
    assert len(list(picture.iter(f"{SVG}circle"))) >= 2 and len(list(picture.iter(f"{SVG}rect"))) >= 3
    page = Page((plurijudge.folder / "report.html").read_text(encoding="utf-8"))
    assert page.cells["h2"] == ["What does j go by?"] and len(page.all("svg")) == 1


def test_json_holds_every_figure_and_its_command_makes_it_again(plurijudge: Plurijudge) -> None:
    recorded(plurijudge)
    first = plurijudge(*FILES, "--against", "human", "--factors", "length", "--tau", "13", "--json").json()
    assert line_of(first, "length")["pooled"]["estimate"] == 1.0
    assert line_of(first, "length", 1)["pooled"]["estimate"] == pytest.approx((8 - 4) / 12)
    assert first["raters"][0]["against"]["differences"][0]["difference"]["estimate"] == pytest.approx(2 / 3)
    assert "--tau 13" in first["command"] and "--factors length" in first["command"]
    again = plurijudge(*first["command"].split()[1:], "--json").json()
    assert (again["raters"], again["options"]) == (first["raters"], first["options"])
    assert again["analysis"] == first["analysis"] + 1
    kept = plurijudge("query", "select rater, factor, estimate from factor_influence where measure = 'tau13'", "--json")
    assert [(row["rater"], row["factor"]) for row in kept.json()[:2]] == [("j", "length"), ("people", "length")]
    report = plurijudge("report", "last")
    assert report.out.count("What does j go by?") == 1


def test_labels_alone_are_profiled_without_any_judge(plurijudge: Plurijudge) -> None:
    recorded(plurijudge)
    done = plurijudge("profile", "texts.jsonl", "--factors", "length", *QUICK, "--json", "--html", "page.html")
    assert done.code == 0, done.err
    document = done.json()
    assert document["run"] is None and [one["kind"] for one in document["raters"]] == ["people"]
    assert document["command"] == "plurijudge profile texts.jsonl --factors length --resamples 100"
    assert "What do people go by?" in (plurijudge.folder / "page.html").read_text(encoding="utf-8")


def test_a_factor_of_ones_own_is_measured(plurijudge: Plurijudge) -> None:
    recorded(plurijudge)
    plurijudge.write(
        "my.py",
        'def sixes(judged):\n    """Times that six is said."""\n    return judged.response.words.count("six")\n',
    )
    document = plurijudge(*FILES, "--factors", "length,my.py:sixes", "--json").json()
    assert line_of(document, "sixes")["cells"]["concordant"] == 12
    assert [one["says"] for one in document["factors"]] == ["words", "Times that six is said."]


def test_a_planted_judge_is_seen_to_go_by_length_and_by_nothing_that_it_does_not_look_at(
    plurijudge: Plurijudge,
) -> None:
    draw = random.Random(11)

    def text() -> str:
        words = ["word" if draw.random() < 0.5 else "other" for _ in range(draw.randint(20, 60))]
        return " ".join(words) + "".join(f"\n- {word}" for word in words[:3] if draw.random() < 0.5)

    items = [
        {"id": f"q{n}", "prompt": f"Say {n}.", "responses": [{"id": side, "text": text()} for side in "ab"]}
        for n in range(90)
    ]
    plurijudge.write("planted.jsonl", items)
    judged = plurijudge("judge", "planted.jsonl", "--model", "builtin/planted?length=3&seed=5", "-q")
    assert judged.code == 0, judged.err
    document = plurijudge("profile", "last", "--factors", "length,list_items,hedging", *QUICK, "--json").json()
    [judge] = document["raters"]
    length, items_of = line_of(document, "length"), line_of(document, "list_items")
    assert length["q_value"] < 0.001 and length["pooled"]["low"] > 0.1
    weights = {one["name"]: one for one in judge["weights"]["weights"]}
    assert weights["length"]["q_value"] < 0.001 and weights["list_items"]["q_value"] > 0.05
    assert items_of["q_value"] > 0.05 or abs(items_of["pooled"]["estimate"]) < length["pooled"]["estimate"]
    assert judge["unweighted"] == {"hedging": "it never differs"}
    assert judge["outcomes"].get("flipped", 0) + judge["outcomes"]["decided"] <= 90


@pytest.fixture(scope="module")
def mtbench(shared_data: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """MT-Bench's recorded pairs as items with every vote as a label, and GPT-4's verdicts in both orders."""
    folder, data = tmp_path_factory.mktemp("mtbench"), shared_data / "profile" / "mtbench"
    answers = {(row["model"], row["question_id"], row["turn"]): row["text"] for row in rows(data / "answers.jsonl")}
    turns = {row["question_id"]: row["turns"] for row in rows(data / "question.jsonl")}

    def place(row: dict[str, Any]) -> tuple[Any, ...]:
        return (row["question_id"], row["turn"], *sorted((row["model_a"], row["model_b"])))

    def preferred(row: dict[str, Any]) -> str:
        return str(row[row["winner"]]) if row["winner"] in ("model_a", "model_b") else "tie"

    judged = {place(row): row for row in rows(data / "gpt4_pair.jsonl")}
    votes: dict[tuple[Any, ...], list[str]] = {}
    for row in rows(data / "human.jsonl"):
        if place(row) in judged:
            votes.setdefault(place(row), []).append(preferred(row))
    items, verdicts = [], []
    for (question, turn, *models), given in votes.items():
        name = f"{question}-{turn}-{'-'.join(models)}"
        told = judged[question, turn, models[0], models[1]]
        asked = [{"role": "user", "content": text} for text in turns[question][:turn]]
        responses = [{"id": model, "model": model, "text": answers[model, question, turn]} for model in models]
        gold = [{"annotator": f"vote {n}", "preferred": vote} for n, vote in enumerate(given)]
        meta = {"prompt_id": str(question)}
        items.append({"id": name, "prompt": asked, "responses": responses, "gold": gold, "meta": meta})
        for shown in (models, models[::-1]):  # an inconsistent verdict is the same place twice
            side = shown[0] if told["winner"] == "tie (inconsistent)" else preferred(told)
            verdicts.append({"item": name, "judge": "gpt-4", "presentation": shown, "preferred": side})
    for file, lines in (("items.jsonl", items), ("verdicts.jsonl", verdicts)):
        (folder / file).write_text("".join(json.dumps(line) + "\n" for line in lines), encoding="utf-8")
    yield folder


@pytest.mark.shared
@pytest.mark.slow
def test_recorded_verdicts_and_labels_give_the_recorded_figures(
    plurijudge: Plurijudge, mtbench: Path, shared_data: Path
) -> None:
    targets = json.loads((shared_data / "profile" / "targets.json").read_text(encoding="utf-8"))["mtbench"]["raters"]
    names = list(targets["human"]["tau14"])
    done = plurijudge(
        *("profile", str(mtbench / "items.jsonl"), "--verdicts", str(mtbench / "verdicts.jsonl")),
        *("--against", "human", "--factors", ",".join(names), *QUICK, "--json"),
    )
    assert done.code == 0, done.err
    document = done.json()
    gpt, people = document["raters"]
    assert gpt["outcomes"] == {"decided": 1364, "flipped": 290, "tie": 160} and gpt["prompts"] == 80
    assert people["outcomes"] == {"decided": 1262, "tie": 552}
    for number, rater in ((1, "human"), (0, "gpt-4 (pair)")):
        for name in ("length", "n_sents", "list_items", "hedging", "code_blocks"):  # counts: the same words as theirs
            found, recorded_tau = line_of(document, name, number)["pooled"], targets[rater]["tau14"][name]
            assert found["estimate"] == pytest.approx(recorded_tau, abs=1e-3), (rater, name)
            assert found["standard_error"] == pytest.approx(targets[rater]["se"][name], abs=1e-3)
    differences = {one["factor"]: one for one in gpt["against"]["differences"]}
    wanted = targets["gpt-4 (pair)"]["paired_difference"]
    for name in ("length", "n_sents", "list_items"):
        assert differences[name]["difference"]["estimate"] == pytest.approx(wanted[name]["diff"], abs=1e-3)
    assert {name for name, one in differences.items() if one["conclusion"].startswith("differs")} == {
        name for name, one in wanted.items() if one["q_bh"] <= 0.05
    }
    assert gpt["against"]["each"]["spearman"]["estimate"] == pytest.approx(0.972, abs=0.001)
    assert gpt["against"]["verdict"] == "differs"
    [row] = gpt["against"]["corrupted"]
    assert row["corruptions"] >= 100 and row["spearman"] > 0.9 and row["slope"] == pytest.approx(0.6, abs=0.03)
    shown = plurijudge("report", "last")
    assert "Warning: a rank correlation is nearly blind to noise. With 20 % of these labels" in shown.out
    assert "1364 have a preference, 160 are ties, 290 hang on the order" in shown.out


@pytest.mark.parametrize(
    ("typed", "message"),
    [
        (("profile", "last", "--verdicts", "verdicts.jsonl"), "goes with the items"),
        (("profile", "none.jsonl"), "none.jsonl"),
        (("profile", "texts.jsonl", "--factors", "lenght"), "There is no factor `lenght`"),
        (("profile", "items.jsonl", "--group", "nobody"), "of the group `nobody`"),
        ((*FILES, "--factors", "src_coverage"), "None of the factors is known"),
        ((*FILES, "--picture", "no/such/f.svg"), "cannot be written"),
    ],
)
def test_what_cannot_be_done_is_said_with_a_way_out(
    plurijudge: Plurijudge, typed: tuple[str, ...], message: str
) -> None:
    recorded(plurijudge)
    done = plurijudge(*typed)
    assert done.code == 2 and message in done.err and "try:" in done.err, done.err


# Asked live.


def worded(folder: Plurijudge, n: int = 10) -> None:
    """Items whose longer response people prefer; one word in the longer one says which it is."""
    recorded(folder, n)
    items = [json.loads(line) for line in (folder.folder / "texts.jsonl").read_text(encoding="utf-8").splitlines()]
    for item in items:
        longer = max(item["responses"], key=lambda response: len(response["text"]))
        item["gold"] = [{"annotator": "h", "preferred": longer["id"]}]
        item["reference"] = "The lake is cold. It is deep. Nobody swims there."
    folder.write("texts.jsonl", items)


@pytest.mark.thorough
def test_levels_drawn_at_random_give_causes_that_the_profile_of_the_judge_then_shows(plurijudge: Plurijudge) -> None:
    worded(plurijudge, 16)
    model = ("--model", "builtin/planted?length=4&seed=2")
    assert plurijudge("judge", "texts.jsonl", *model, "-q").code == 0
    run = plurijudge("query", "select id from run", "--json").json()[0]["id"]
    done = plurijudge("profile", "texts.jsonl", "--design", "conjoint", *model, "--pairs", "3", "-q", "--json")
    assert done.code == 0, done.err
    document = done.json()
    levels = {(one["attribute"], one["level"]): one for one in document["conjoint"]["found"]["levels"]}
    assert levels["length", "long"]["q_value"] < 0.05 and levels["length", "long"]["effect"]["low"] > 0
    assert levels["form", "list"]["q_value"] > 0.05
    assert "raters" not in document and "--design conjoint" in document["command"]
    beside = plurijudge("profile", run, "--factors", "length", *QUICK, "--json").json()["raters"][0]["causes"]
    shown = plurijudge("report", run)
    assert "association beside cause, from experiments with the same judge" in shown.out
    assert "Cause of length: where a long form is drawn and not a brief one" in shown.out
    length = next(one for one in beside if one["factor"] == "length")
    assert length["estimate"] == levels["length", "long"]["effect"]["estimate"] and length["found"] is True
    report = plurijudge("report", document["conjoint"]["runs"][-1])
    assert "Levels drawn at random" in report.out


def test_writing_for_scores_stands_beside_what_people_prefer(plurijudge: Plurijudge) -> None:
    worded(plurijudge, 6)
    replies = [
        ["would grade it 5 on", "One two three four five six seven eight."],
        ["", "One two."],  # which is no grade either
    ]
    with Loopback(replies=replies) as server:
        asked = ("--generate", "openai/w", "--base-url", server.base_url, "--factors", "length", "-q", *QUICK)
        done = plurijudge("profile", "texts.jsonl", *asked, "--json", "--picture", "g.svg")
        assert done.code == 0, done.err
        first = server.stat()["received"]
        again = plurijudge("profile", "texts.jsonl", *asked)
        assert again.code == 0 and server.stat()["received"] == first  # nothing is asked twice
    document = done.json()["generation"]
    [length] = document["factors"]
    assert length["generation"]["pooled"]["estimate"] == pytest.approx(4 / 10)  # only the fifth is longer
    assert length["people"]["pooled"]["estimate"] == 1.0 and length["achievable"]["estimate"] == 1.0
    assert document["ungraded"] == 6 * 5 and document["manipulation"]["rise"]["estimate"] is None
    assert (document["written_pairs"], document["people_pairs"]) == (6 * 10, 6)
    assert "What does openai/w write more of when it aims higher?" in again.out
    assert "Manipulation check" in again.out
    assert (plurijudge.folder / "g.svg").read_text(encoding="utf-8").startswith("<svg")


def test_a_model_reads_factors_off_the_texts_and_two_are_compared(plurijudge: Plurijudge) -> None:
    recorded(plurijudge, 8)
    replies = [
        ["(?s)three four.*", '{"rationale": "r", "grade": 5}'],
        ["", '{"rationale": "r", "grade": 2}'],
    ]
    with Loopback(replies=replies) as server:
        asked = ("--factors", "length,fluency", "--base-url", server.base_url, "-q", "--json")
        done = plurijudge(*FILES, *asked, "--extractor", "openai/r1,openai/r2")
        assert done.code == 0, done.err
        assert server.stat()["received"] == 2 * 2  # two texts and two readers: the same text is read once
    document = done.json()
    assert line_of(document, "fluency")["cells"]["concordant"] == 8
    assert document["extractor_agreement"]["fluency"]["same"]["estimate"] == 1.0
    assert [one["reader"] for one in document["extracted"]] == ["openai/r1", "openai/r2"]
    assert "--extractor openai/r1,openai/r2" in document["command"]


@pytest.mark.parametrize(
    ("typed", "message"),
    [
        (("--factors", "fluency"), "needs a model that reads the texts"),
        (("--factors", "length", "--extractor", "openai/m"), "None of the factors needs a model"),
        (("--factors", "fluency", "--extractor", "openai/a,openai/b,openai/c"), "names 3 models"),
    ],
)
def test_readers_and_factors_must_fit(plurijudge: Plurijudge, typed: tuple[str, ...], message: str) -> None:
    recorded(plurijudge, 2)
    done = plurijudge(*FILES, *typed)
    assert done.code == 2 and message in done.err, done.err


LAKE_LONG = (
    "The lake is 12 m deep, as can be read on the old sign, and it is cold in the winter, as all lakes here are."
)
LAKE_SHORT = "The lake is 12 m deep. It is cold in the winter."
_TEXT = r"The text:\n(==\S+==)\n(.*?)\n\1"
REWRITES = [
    [rf"(?s)You make a text longer.*{_TEXT}", r"\2 That is what there is to be said about the lake, no more."],
    ["You make a text shorter", LAKE_SHORT],
    ["whether they say the same", "Yes."],
]


def test_rewriting_there_and_back_says_whether_length_itself_moves_the_judge(plurijudge: Plurijudge) -> None:
    texts = [{"id": "a", "text": LAKE_LONG}, {"id": "b", "text": LAKE_SHORT}]
    plurijudge.write(
        "lakes.jsonl", [{"id": f"q{n}", "prompt": f"How is lake {n}?", "responses": texts} for n in range(3)]
    )
    with Loopback(replies=REWRITES) as server:
        asked = ("--rewrite", "openai/command-r", "--base-url", server.base_url, "--judge", "own:longer", "-q")
        done = plurijudge("profile", "lakes.jsonl", *asked)
        assert done.code == 0, done.err
        document = plurijudge("profile", "lakes.jsonl", *asked, "--json").json()
    assert "Does length itself move callable/own:longer?" in done.out
    assert "Whether length moves it is unknown: its error is not known (+0.500" in done.out  # all prompts are alike
    assert document["rewrites"]["effect"]["ate"]["estimate"] == 0.5  # the longer one is always preferred
    assert document["rewrites"]["measure"] == "preference"
    assert "--rewrite openai/command-r --attribute length --judge own:longer" in document["command"]
    rows_kept = plurijudge("query", "select estimate from factor_influence where measure = 'rewrite_ate'", "--json")
    assert [row["estimate"] for row in rows_kept.json()] == [0.5, 0.5]
