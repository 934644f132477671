"""Does a text hold a secret, and is it cut out wherever it might be seen?"""

from __future__ import annotations

import pytest

from plurijudge.text.secrets import MARK, known_secrets, without_known, without_secrets

KEY = "sk-test-planted-1234567890abcdef"


@pytest.mark.parametrize(
    "name",
    ["OPENAI_API_KEY", "AWS_SECRET_ACCESS_KEY", "ANTHROPIC_AUTH_TOKEN", "PGPASSWORD", "my_api_keys", "CLIENT_SECRET"],
)
def test_a_variable_whose_name_says_so_holds_a_secret(name: str) -> None:
    assert KEY in known_secrets({name: KEY, "HOME": "/home/someone-1"})


def test_variables_of_other_names_hold_none() -> None:
    assert known_secrets({"HOME": "/home/me-1", "KEYBOARD": "layout-12345", "MAX_TOKENS_ALLOWED": "100000"}) == ()


@pytest.mark.parametrize("value", ["", "none", "ollama", "lm-studio", "no-key-needed", "EMPTY", "dummy"])
def test_a_word_in_the_place_of_a_key_is_no_secret(value: str) -> None:
    assert known_secrets({"OPENAI_API_KEY": value}) == ()


def test_a_password_of_plain_words_is_one() -> None:
    assert "correct-horse" in known_secrets({"PGPASSWORD": "correct-horse"})


def test_a_secret_is_found_as_json_and_urls_write_it() -> None:
    secret = 'p"ä/1 2'
    found = known_secrets({"DB_PASSWORD": secret})
    for written in ('{"a": "p\\"ä/1 2"}', '{"a": "p\\"\\u00e4/1 2"}', "x?p%22%C3%A4%2F1%202", secret):
        assert MARK in without_known(written, found)


def test_the_longer_of_two_secrets_is_cut_out_whole() -> None:
    found = known_secrets({"A_KEY": "abc123", "B_KEY": "abc123-and-more-4"})
    assert without_known("it is abc123-and-more-4.", found) == f"it is {MARK}."


@pytest.mark.parametrize(
    ("text", "kept"),
    [
        (f"Incorrect API key provided: {KEY}.", f"Incorrect API key provided: {MARK}."),
        ("Incorrect API key provided: sk-te**********cdef.", f"Incorrect API key provided: {MARK}."),
        ("Authorization: Bearer abcdef123456", f"Authorization: Bearer {MARK}"),
        ("http://user:pa55@host:80/v1", f"http://{MARK}@host:80/v1"),
        ("https://:pa55word@host/v1", f"https://{MARK}@host/v1"),
        ("https://host/v1?key=abcdefgh&x=1", f"https://host/v1?key={MARK}&x=1"),
        ("https://host/v1?api_key=abcdefgh", f"https://host/v1?api_key={MARK}"),
        ("AIzaSyA1234567890123456789012", MARK),
        ("AKIAABCDEFGHIJKLMNOP", MARK),
    ],
)
def test_what_has_the_shape_of_a_key_is_cut_out_of_messages(text: str, kept: str) -> None:
    assert without_secrets(text) == kept


@pytest.mark.parametrize(
    "text",
    [
        "http://127.0.0.1:8000/v1",
        "postgresql://postgres@127.0.0.1:5432/name",
        "a task-oriented sk of skills, risk-averse",
        "Nothing answers at http://localhost:1/v1: Cannot connect.",
        "ratio 3:4@5",
    ],
)
def test_ordinary_text_stays_as_it_is(text: str) -> None:
    assert without_secrets(text) == text
