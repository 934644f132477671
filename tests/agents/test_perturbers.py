"""Does a perturber change one span of one response, the same for either side, and say what it changed?"""

from __future__ import annotations

import hashlib
import json
import re
import unicodedata
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings, strategies as st

from plurijudge.agents.builtin.planted import parse
from plurijudge.agents.perturbers.base import LABEL, Edit, Perturber, Unfit
from plurijudge.agents.perturbers.known import CUES, DEFAULT, KNOWN, SENSITIVITY, perturber_of, perturbers_of
from plurijudge.graphs.audit import perturbed
from plurijudge.store.canonical import canonical
from plurijudge.store.files import item_of_fields, item_to_dict
from plurijudge.store.records import Item, Part, Response
from plurijudge.text.errors import BadInput

EXAMPLES = [
    item_of_fields(json.loads(line))
    for line in (Path(__file__).parents[2] / "examples" / "items.jsonl").read_text(encoding="utf-8").splitlines()
]
NAMES = sorted(KNOWN)
SPANS = ("verbosity", "authority", "superficial_reflection", "injection", "fallacy")  # put in as they stand
NOTES = ("bandwagon", "distraction", "identity", "authorship", "compassion_fade", "refinement")
WORSE = sorted(name for name, made in KNOWN.items() if made.kind == "sensitivity")
OWN = '''"""A bias of one's own, as docs/audit.md has it."""
from plurijudge.agents.perturbers.base import Edit, Perturber, appended, text_of


class Perfume(Perturber):
    name = "perfume"
    means = "prefers the answer that is said to smell of roses"
    remedy = "keep scents out of what the judge is shown"

    def edit(self, item, side, draws):
        text, at = appended(text_of(item, side), "(This answer smells of roses.)")
        return Edit("response", {side: text}, inserted="(This answer smells of roses.)", at=at)


class Abstract(Perturber):
    name, means, remedy = "abstract", "?", "?"


class Picky(Perfume):
    def __init__(self, scent):
        self.name = scent


class Mute(Perfume):
    means = ""


class Order(Perfume):
    name = "position"


made = Perfume()
number = 7
'''


def pair(a: str = "It is four.", b: str = "It is five.", *, name: str = "q") -> Item:
    return Item(id=name, prompt="?", responses=[Response(id="a", text=a), Response(id="b", text=b)])


def text(item: Item, side: str = "a") -> str:
    return item.response(side).text or ""


def sides(perturber: Perturber, item: Item) -> list[str]:
    return [response.id for response in item.responses] if perturber.sided else [""]


def planted(name: str, *, seed: int = 0) -> list[tuple[Item, str, Item]]:
    """Each example, side, and what is made of it, where it can be."""
    made = []
    for item in EXAMPLES:
        for side in sides(KNOWN[name], item):
            try:
                made.append((item, side, KNOWN[name].derived(item, side, seed=seed)))
            except Unfit as why:
                assert str(why)
    return made


def why_unfit(name: str, item: Item) -> str:
    perturber = KNOWN[name]
    with pytest.raises(Unfit) as raised:
        perturber.derived(item, sides(perturber, item)[0], seed=0)
    return str(raised.value)


# What is shipped, on the examples.


@pytest.mark.parametrize("name", NAMES)
def test_one_response_or_the_note_changes_and_nothing_else_of_the_item(name: str) -> None:
    for item, side, made in planted(name):
        was, now = item_to_dict(item), item_to_dict(made)
        new = {key: now.pop(key) for key in ("parent", "perturbation", "id")}
        was.pop("id")
        assert new["parent"] == item.id != new["id"]
        before, after = was.pop("responses"), now.pop("responses")
        assert now == was  # prompt, context, reference, gold, meta
        assert [one["id"] for one in before] == [one["id"] for one in after]
        changed = {old["id"] for old, one in zip(before, after, strict=True) if old != one}
        for old, one in zip(before, after, strict=True):
            assert {**old, "text": ""} == {**one, "text": ""}  # its model and id stay
        place = new["perturbation"]["place"]
        if place == "both":
            assert changed and side == ""
        else:
            assert changed == ({side} if place == "response" else set())
            assert bool(new["perturbation"]["note"]) == (place == "note")


@pytest.mark.parametrize("name", NAMES)
def test_the_record_says_what_was_planted_and_where(name: str) -> None:
    keys = {"bias", "version", "kind", "side", "place", "note", "inserted", "removed", "at", "digest"}
    perturber = KNOWN[name]
    for item, side, made in planted(name):
        told = made.perturbation or {}
        assert told.keys() == keys
        assert (told["bias"], told["version"], told["kind"], told["side"]) == (name, "1", perturber.kind, side)
        assert told["inserted"] or told["removed"]
        words = canonical([told["inserted"], told["removed"], told["note"]])
        assert told["digest"] == hashlib.sha256(words.encode()).hexdigest()
        if told["place"] == "response" and told["removed"]:
            end = told["at"] + len(told["removed"])
            assert text(item, side)[told["at"] : end] == told["removed"]


@pytest.mark.parametrize("name", SPANS)
def test_what_was_put_in_stands_where_it_is_said_to_and_the_rest_is_the_original(name: str) -> None:
    found = planted(name)
    assert len(found) == 128
    for item, side, made in found:
        told, now = made.perturbation or {}, text(made, side)
        at, span = told["at"], told["inserted"]
        assert now[at : at + len(span)] == span
        left = now[:at] + now[at + len(span) :]
        assert re.sub(r"\s+", " ", left).strip() == re.sub(r"\s+", " ", text(item, side)).strip()
        if name in ("verbosity", "authority", "injection"):
            assert now == f"{text(item, side).rstrip()}\n\n{span}"
        if name == "superficial_reflection":
            assert now == f"{span}\n\n{text(item, side)}"


@pytest.mark.parametrize("tone", ["cheerful", "sad", "angry", "fearful"])
def test_a_tone_stands_around_the_response_and_its_words_within_are_the_same(tone: str) -> None:
    for item, side, made in planted(f"sentiment_{tone}"):
        before, inner, after = re.split(f"({re.escape(text(item, side))})", text(made, side))
        assert inner and before.strip() and after.strip()
        assert (made.perturbation or {})["inserted"] == f"{before.strip()} {after.strip()}"


@pytest.mark.parametrize("name", NOTES)
def test_a_note_names_one_answer_by_what_the_judge_sees_it_called(name: str) -> None:
    found = planted(name)
    assert len(found) == 128
    for _, _, made in found:
        note = (made.perturbation or {})["note"]
        assert note.count(LABEL) == 1 and note == (made.perturbation or {})["inserted"]


@pytest.mark.parametrize("name", [*SPANS, *NOTES])
def test_the_words_are_the_same_for_both_sides_and_for_the_same_seed(name: str) -> None:
    words: dict[str, set[str]] = {}
    for item, _, made in planted(name):
        words.setdefault(item.id, set()).add((made.perturbation or {})["inserted"])
    if name != "verbosity":  # which takes as many of its sentences as a response is long
        assert {len(spans) for spans in words.values()} == {1}
    for spans in words.values():
        short, *longer = sorted(spans, key=len)
        assert all(span.startswith(short) for span in longer)
    assert planted(name) == planted(name)


@pytest.mark.parametrize("name", ["bandwagon", "distraction", *SPANS])
def test_another_seed_draws_other_words_and_every_wording_is_used(name: str) -> None:
    first, other = ([(made.perturbation or {})["inserted"] for *_, made in planted(name, seed=n)] for n in (0, 1))
    assert first != other
    wordings = {span for span in KNOWN[name].spans if any(span in one for one in first)}  # type: ignore[attr-defined]
    assert wordings == set(KNOWN[name].spans)  # type: ignore[attr-defined]


def test_all_that_is_planted_in_all_examples_has_an_id_of_its_own() -> None:
    unfit: Counter[tuple[str, str]] = Counter()
    whole = list(perturbed(EXAMPLES, [*KNOWN.values()], unfit=unfit))
    assert len({item.id for item in whole}) == len(whole)
    asked = sum(len(sides(perturber, item)) for perturber in KNOWN.values() for item in EXAMPLES)
    assert len(whole) == len(EXAMPLES) + asked - sum(unfit.values())
    assert [item for item in whole if not item.parent] == EXAMPLES


def test_a_derived_item_is_an_item_that_can_be_written_and_read() -> None:
    for made in perturbed(EXAMPLES, [*KNOWN.values()]):
        assert item_of_fields(json.loads(json.dumps(item_to_dict(made)))) == made


def test_a_perturbed_item_is_not_perturbed_again() -> None:
    made = KNOWN["bandwagon"].derived(EXAMPLES[0], "a", seed=0)
    with pytest.raises(BadInput, match="perturbed already"):
        KNOWN["authority"].derived(made, "a", seed=0)
    assert list(perturbed([made], [*KNOWN.values()])) == [made]


def test_what_is_no_pair_comes_through_as_it_is() -> None:
    three = Item(id="q", prompt="?", responses=[Response(id=name, text=name) for name in "abc"])
    unfit: Counter[tuple[str, str]] = Counter()
    assert list(perturbed([three], [*KNOWN.values()], unfit=unfit)) == [three] and not unfit


# What a cue may not do, and an edit must.

SPEAKERS = ("Einstein", "Newton", "Johnson", "Stanford", "Harvard", "Oxford", "Professor", "Dr.")


@pytest.mark.parametrize("name", NAMES)
def test_no_words_of_ours_name_a_real_person_or_place_of_learning(name: str) -> None:
    for _, _, made in planted(name):
        told = made.perturbation or {}
        words = told["inserted"] + told["note"]
        assert not any(speaker in words for speaker in SPEAKERS)
        # two words in a row that begin with capitals look like a name; those we mean are names of nobody
        nobody = ("Applied Knowledge", "Standard Reference", "Reference Handbook", "General Studies")
        if name not in (*WORSE, "compassion_fade", "authorship"):
            found = re.findall(r"(?=\b([A-Z][a-z]+ [A-Z][a-z]+)\b)", words)
            assert set(found) <= set(nobody), found


def figures(words: str) -> Counter[str]:
    return Counter(re.findall(r"\d+", words))


@pytest.mark.parametrize("name", [name for name in NAMES if KNOWN[name].kind == "cue"])
def test_a_cue_keeps_every_number_and_every_word_of_the_original(name: str) -> None:
    for item, _, made in planted(name):
        for response in item.responses:
            # letters and digits that only look otherwise are the same
            was, now = (unicodedata.normalize("NFKC", one) for one in (response.text or "", text(made, response.id)))
            assert not figures(was) - figures(now)
            if not name.startswith("spelling"):
                assert not Counter(re.findall(r"\w+", was)) - Counter(re.findall(r"\w+", now))


@pytest.mark.parametrize("name", WORSE)
def test_an_edit_changes_the_text(name: str) -> None:
    found = planted(name)
    assert found
    for item, side, made in found:
        assert text(made, side) != text(item, side) and text(made, side).strip()


def test_a_wrong_number_is_another_number_at_one_place() -> None:
    found = planted("wrong_number")
    assert len(found) > 40
    for item, side, made in found:
        was, now = (re.findall(r"\d+(?:[.,]\d+)*", text(one, side)) for one in (item, made))
        differing = [(old, new) for old, new in zip(was, now, strict=True) if old != new]
        told = made.perturbation or {}
        assert differing == [(told["removed"], told["inserted"])]
        assert re.sub(r"\d", "0", text(item, side)) == re.sub(r"\d", "0", text(made, side))


@pytest.mark.parametrize(
    ("written", "removed"),
    [
        ("It is 3.14.", "3.14"),
        ("From 2 to 40 km.", "40"),
        ("Take 7, then 1,250 more.", "7"),
        ("See v2 and 5 others.", "5"),
        ("Just 8", "8"),
    ],
)
def test_the_last_number_that_is_one_by_itself_is_the_one_that_is_wrong(written: str, removed: str) -> None:
    for seed in range(20):
        told = KNOWN["wrong_number"].derived(pair(written), "a", seed=seed).perturbation or {}
        assert told["removed"] == removed and float(told["inserted"]) != float(removed)
        assert len(told["inserted"]) == len(removed)


def test_the_longest_sentence_is_dropped_whole_whatever_points_stand_in_its_numbers() -> None:
    made = KNOWN["dropped_sentence"].derived(pair("So it is. The ratio is 3.14159 to 2.5 in all. Yes!"), "a", seed=0)
    assert text(made) == "So it is. Yes!"
    assert (made.perturbation or {})["removed"] == "The ratio is 3.14159 to 2.5 in all."
    assert why_unfit("dropped_sentence", pair("The ratio is 3.14159 to 2.5.")) == "the response is a single sentence"
    chinese = KNOWN["dropped_sentence"].derived(pair("四。这是一个更长的句子。"), "a", seed=0)
    assert text(chinese) == "四。"


@pytest.mark.parametrize(
    ("written", "left"),
    [
        ("It is not safe.", "It is safe."),
        ("Only adults may.", "adults may."),
        ("You don't need it.", "You do need it."),
        ("It isn’t so.", "It is so."),
        ("Use at least two.", "Use two."),
    ],
)
def test_a_dropped_condition_leaves_words_that_are_words(written: str, left: str) -> None:
    assert text(KNOWN["dropped_constraint"].derived(pair(written), "a", seed=0)) == left


def test_a_truncated_response_is_the_beginning_of_the_original() -> None:
    for item, side, made in planted("truncated"):
        whole, cut = text(item, side), text(made, side)
        assert whole.startswith(cut) and len(cut) == 2 * len(whole) // 5
        assert cut + (made.perturbation or {})["removed"] == whole


def test_padding_makes_a_response_about_half_as_long_again() -> None:
    for item, side, made in planted("verbosity"):
        was, span = text(item, side), (made.perturbation or {})["inserted"]
        longest = max(len(one) for one in KNOWN["verbosity"].spans)  # type: ignore[attr-defined]
        assert span and (len(span) * 2 >= len(was) or len(was) > 1000)
        assert len(span) <= len(was) / 2 + longest + 1


def test_markdown_holds_the_same_words_in_the_same_order() -> None:
    for item, side, made in planted("markdown"):
        heading, blank, *lines = text(made, side).split("\n")
        assert (heading, blank) == ("## Answer", "") and len(lines) > 1
        assert all(re.match(r"- \*\*\S+\*\*( |$)", line) for line in lines)
        bare = " ".join(line.removeprefix("- ").replace("**", "") for line in lines)
        assert bare.split() == text(item, side).split()


def test_both_answers_are_respelt_and_code_is_left_alone() -> None:
    item = pair("The color of THE CENTER. `color: gray` and background_color", "```\nwidth: 3 meter\n```\nGray meters.")
    made = KNOWN["spelling_both"].derived(item, "", seed=0)
    assert text(made, "a") == "The colour of THE CENTRE. `color: gray` and background_color"
    assert text(made, "b") == "```\nwidth: 3 meter\n```\nGrey metres."


# What cannot be perturbed, and why.

LONG = "Water boils at a hundred degrees, at sea level at least. It boils below that on a mountain."


@pytest.mark.parametrize(
    ("name", "written", "reason"),
    [
        *[(name, "  \n", "has no text") for name in NAMES if name not in NOTES],
        ("wrong_number", "None at all.", "no number"),
        ("wrong_number", "Version x2 and 1,000,000.", "no number"),
        ("truncated", "Too short.", "too short"),
        ("dropped_sentence", "One sentence", "single sentence"),
        ("dropped_constraint", "All is well.", "no condition"),
        ("dropped_constraint", "I can't and won't.", "no condition"),
        ("markdown", "One sentence.", "single sentence"),
        ("markdown", "- one. And two.\n- three.", "formatted already"),
        ("markdown", "Two **bold** words. And more.", "formatted already"),
        ("markdown_both", "```\nx = 1\n```\nSo. It is.", "formatted already"),
        ("spelling_both", "Nothing is spelt in two ways.", "no word"),
        ("empty", "(no answer)", "nothing would change"),
    ],
)
def test_what_a_cue_cannot_stand_in_is_told_with_its_reason(name: str, written: str, reason: str) -> None:
    assert reason in why_unfit(name, pair(written, "Nothing here."))


def test_promises_in_the_place_of_the_same_promises_are_no_edit() -> None:
    refused = 0
    for span in KNOWN["empty_phrases"].spans:  # type: ignore[attr-defined]
        try:
            assert text(KNOWN["empty_phrases"].derived(pair(span), "a", seed=0)) != span
        except Unfit:
            refused += 1
    assert refused == 1  # the one that would be drawn


def test_a_response_of_parts_takes_notes_alone() -> None:
    responses = [Response(id="a", parts=[Part(type="text", text=LONG)]), Response(id="b", text=LONG)]
    item = Item(id="q", prompt="?", responses=responses)
    assert why_unfit("authority", item) == "the response has no text"
    assert KNOWN["bandwagon"].derived(item, "a", seed=0).responses == responses


def test_why_items_cannot_be_perturbed_is_counted_by_bias() -> None:
    unfit: Counter[tuple[str, str]] = Counter()
    items = [pair(LONG, "Short."), pair("Short.", "Short.", name="r")]
    made = list(perturbed(items, perturbers_of(["truncated", "wrong_number"]), unfit=unfit))
    assert [item.id for item in made] == ["q", "q~truncated@a", "r"]
    assert unfit == {
        ("truncated", "the response is too short to break off"): 3,
        ("wrong_number", "the response holds no number"): 4,
    }


# By name.


def test_the_common_sets_are_known_and_what_a_planted_judge_can_follow_has_a_side() -> None:
    assert {*DEFAULT, *SENSITIVITY} <= KNOWN.keys()
    assert all(KNOWN[name].kind == "cue" for name in DEFAULT)
    assert all(KNOWN[name].kind == "sensitivity" for name in SENSITIVITY)
    assert parse("&".join(f"{name}=1" for name in CUES)).cues == tuple((name, 1.0) for name in CUES)
    assert all(made.name == name and made.means and made.remedy and made.version for name, made in KNOWN.items())


def test_groups_and_models_are_named_after_the_colon_and_tell_themselves_apart() -> None:
    names = (
        "identity:a Black man",
        "identity:un réfugié",
        "identity:中文",
        "authorship:Qwen 3",
        "authorship:o3",
        "identity",
    )
    made = perturbers_of(names)
    assert [one.name for one in made][:2] == ["identity_a_black_man", "identity_un_réfugié"]
    assert len({one.name for one in made}) == len(names)
    notes = [(one.derived(pair(), "a", seed=0).perturbation or {})["note"] for one in made]
    assert "a Black man" in notes[0] and "中文" in notes[2] and "Qwen 3" in notes[3]


@pytest.mark.parametrize("name", ["bandwagn", "identity:", "nobody:x", "absent.py", ""])
def test_an_unknown_name_is_refused_with_those_there_are(name: str) -> None:
    with pytest.raises(BadInput, match=f"There is no bias `{name}`") as raised:
        perturber_of(name)
    assert all(known in raised.value.way_out for known in NAMES)


def test_a_bias_named_twice_is_refused() -> None:
    with pytest.raises(BadInput, match="called `bandwagon`"):
        perturbers_of(["bandwagon", "authority", "bandwagon"])


@pytest.mark.parametrize("attribute", ["Perfume", "made"])
def test_a_class_and_an_object_of_ones_own_are_taken_from_a_file(tmp_path: Path, attribute: str) -> None:
    (tmp_path / "my.py").write_text(OWN, encoding="utf-8")
    found = perturber_of(f"{tmp_path}/my.py:{attribute}")
    made = found.derived(EXAMPLES[0], "b", seed=0)
    assert text(made, "b") == text(EXAMPLES[0], "b") + "\n\n(This answer smells of roses.)"
    assert made.id == "arith-01~perfume@b" and (made.perturbation or {})["bias"] == "perfume"


@pytest.mark.parametrize(
    ("attribute", "message"),
    [
        ("Absent", "`Absent` in .*my.py is no perturber"),
        ("number", "`number` in .*my.py is no perturber"),
        ("", "is no perturber"),
        ("Abstract", "`Abstract` in .*my.py cannot be made: TypeError"),
        ("Picky", "`Picky` in .*my.py cannot be made: TypeError"),
        ("Mute", "does not say its `means`"),
        ("Order", "is called `position`"),
    ],
)
def test_what_is_no_whole_perturber_in_a_file_is_refused(tmp_path: Path, attribute: str, message: str) -> None:
    (tmp_path / "my.py").write_text(OWN, encoding="utf-8")
    with pytest.raises(BadInput, match=message):
        perturber_of(f"{tmp_path}/my.py:{attribute}")


def test_a_file_that_is_not_there_or_breaks_is_told_and_one_that_was_mended_is_read_again(tmp_path: Path) -> None:
    file = tmp_path / "my.py"
    with pytest.raises(BadInput, match="There is no file"):
        perturber_of(f"{file}:Perfume")
    file.write_text(OWN + "raise ValueError('no roses')\n", encoding="utf-8")
    for _ in range(2):  # what was half imported is not taken for whole
        with pytest.raises(BadInput, match="cannot be imported: ValueError: no roses"):
            perturber_of(f"{file}:Perfume")
    file.write_text(OWN, encoding="utf-8")
    assert perturber_of(f"{file}:Perfume").name == "perfume"


class Failing(Perturber):
    name, means, remedy = "failing", "fails", "mend it"

    def edit(self, item: Item, side: str, draws: Any) -> Edit:
        raise KeyError("roses")


class Idle(Failing):
    name = "idle"

    def edit(self, item: Item, side: str, draws: Any) -> Edit:
        return Edit("response", {"nobody": "else"}, inserted="else")


def test_a_perturber_of_ones_own_that_fails_is_named_with_the_item() -> None:
    with pytest.raises(BadInput, match="The bias `failing` failed on the item `q`: KeyError: 'roses'"):
        list(perturbed([pair()], [Failing()]))


def test_an_edit_that_changes_nothing_plants_nothing() -> None:
    unfit: Counter[tuple[str, str]] = Counter()
    assert list(perturbed([pair()], [Idle()], unfit=unfit)) == [pair()]
    assert unfit == {("idle", "nothing would change"): 2}


# Whatever is written.

TEXTS = st.one_of(
    st.text(max_size=80),
    st.text(alphabet=" \n\t.!?。*-#`0123456789,aZé中", max_size=60),
    st.sampled_from(["", " ", ".", "...", "a", "1", "１２", "١٢.", "x\u200b", "😀. 😀.", "not", "don't", LONG * 200]),
)


@settings(max_examples=60, deadline=None)
@given(
    a=TEXTS.filter(lambda t: "\x00" not in t),
    b=TEXTS.filter(lambda t: "\x00" not in t),
    seed=st.integers(-(2**63), 2**63 - 1),
)
def test_no_text_breaks_a_perturber(a: str, b: str, seed: int) -> None:
    item = pair(a, b)
    for perturber in KNOWN.values():
        for side in sides(perturber, item):
            try:
                made = perturber.derived(item, side, seed=seed)
            except Unfit as why:
                assert str(why)
                continue
            told = made.perturbation or {}
            assert made != item and item_of_fields(item_to_dict(made)) == made
            if perturber.kind == "cue" and told["place"] == "response" and perturber.name in SPANS:
                assert text(made, side)[told["at"] :].startswith(told["inserted"])
            if perturber.name == "wrong_number":
                assert len(text(made, side)) == len(text(item, side))
