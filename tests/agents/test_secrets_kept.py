"""Where does a key end up? Nowhere: not in the store, not in a log, not in an error, not on a screen."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from pathlib import Path

import pytest

from plurijudge import Judge, Study
from plurijudge.agents import wire
from plurijudge.graphs.one_item import judge_pair_sync
from plurijudge.text.errors import BadJudge, ModelRefusedKey

from ..court import pairs, quick, rows
from ..loopback import Loopback

KEY = "sk-test-planted-1234567890abcdef"


@pytest.fixture(autouse=True)
def planted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", KEY)


@pytest.fixture
def every_logger(caplog: pytest.LogCaptureFixture) -> Iterator[pytest.LogCaptureFixture]:
    """All that any logger says: each one's own level is lowered too, as a program that debugs would."""
    wire.library()
    loggers = [logging.getLogger(name) for name in [*logging.root.manager.loggerDict]]
    levels = [(logger, logger.level) for logger in loggers]
    with caplog.at_level(logging.DEBUG):
        for logger in loggers:
            logger.setLevel(logging.DEBUG)
        yield caplog
        for logger, level in levels:
            logger.setLevel(level)


def stored(folder: Path) -> bytes:
    return b"".join(path.read_bytes() for path in folder.rglob("*") if path.is_file())


def test_a_run_whose_answers_and_errors_repeat_the_key_keeps_it_nowhere(
    loopback: Loopback,
    tmp_path: Path,
    every_logger: pytest.LogCaptureFixture,
    capfd: pytest.CaptureFixture[str],
) -> None:
    echo = f"The key is {KEY}. [[A]]"
    loopback.script(
        [
            {"fault": "say", "arg": echo},
            {"fault": "say", "arg": f'{{"rationale": "{KEY}", "verdict": "A"}}'},
            {"fault": "call", "arg": f'verdict:{{"rationale": "{KEY}", "verdict": "B"}}'},
            *({"fault": fault} for fault in ("401", "429", "500", "cut", "garbage", "filter", "html", "404")),
            {"fault": "400", "arg": f"What is {KEY}?"},
            {"fault": "500", "arg": f"Authorization: Bearer {KEY}"},
        ]
    )
    with Study(tmp_path / "s.db") as study:
        done = study.judge_sync(pairs(10), Judge("openai/m", base_url=loopback.base_url), pace=quick(attempts=2))
        shown = [str(done), str(done.to_dict()), str(done.decisions())]
        data = stored(tmp_path)  # while the write-ahead log is still there
    said = capfd.readouterr()
    assert loopback.requests()[0]["has_key"]
    assert rows(tmp_path / "s.db", "SELECT count(*) FROM \"call\" WHERE error LIKE '%[secret]%'")[0][0] >= 2
    assert rows(tmp_path / "s.db", "SELECT count(*) FROM \"call\" WHERE response LIKE '%[secret]%'")[0][0] == 3
    for text in (data.decode("latin-1"), stored(tmp_path).decode("latin-1"), *shown, said.out, said.err):
        assert KEY not in text
    assert KEY not in every_logger.text


def test_an_error_that_repeats_the_key_does_not_show_it(loopback: Loopback) -> None:
    loopback.script("401*")
    with pytest.raises(ModelRefusedKey) as caught:
        judge_pair_sync("q", "a", "b", judge=Judge("openai/m", base_url=loopback.base_url))
    link: BaseException | None = caught.value
    while link is not None:
        assert KEY not in f"{link} {link!r}"
        link = link.__cause__ or link.__context__


def test_litellm_prints_nothing(loopback: Loopback, tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    loopback.script("500,429,401,404,400,cut,garbage,empty,ok*")
    with Study(tmp_path / "s.db") as study:
        study.judge_sync(pairs(5), Judge("openai/m", base_url=loopback.base_url), pace=quick(attempts=2))
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize(
    "address",
    ["http://user:pa55word@127.0.0.1:9/v1", "http://:pa55word@127.0.0.1:9/v1", "http://host/v1?api_key=pa55word"],
)
def test_an_address_that_holds_a_password_is_refused_and_not_repeated(address: str) -> None:
    with pytest.raises(BadJudge, match="base_url") as caught:
        Judge("openai/m", base_url=address)
    link: BaseException | None = caught.value
    while link is not None:
        assert "pa55word" not in f"{link} {link!r}"
        link = link.__cause__ or link.__context__
