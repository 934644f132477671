"""Where does a setting come from, and does `doctor` say so without telling a secret?"""

from __future__ import annotations

from typing import Any

from plurijudge.store.engine import REVISION

from .conftest import Plurijudge

KEY = "sk-proj-aVeryLongAndVerySecretKey0123456789"


def told(doctor: Any) -> dict[str, tuple[Any, str]]:
    return {setting["name"]: (setting["value"], setting["origin"]) for setting in doctor["settings"]}


def test_a_flag_beats_the_environment_the_folder_the_user_and_the_default(plurijudge: Plurijudge) -> None:
    user = plurijudge.folder / "home" / "config" / "plurijudge"
    user.mkdir(parents=True)
    (user / "plurijudge.toml").write_text("concurrency = 2\nsamples = 2\ntimeout = 2\nseed = 2\n")
    plurijudge.write("plurijudge.toml", "samples = 3\ntimeout = 3\nseed = 3\n")
    environment = {"PLURIJUDGE_TIMEOUT": "4", "PLURIJUDGE_SEED": "4"}

    found = told(plurijudge("doctor", "--json", **environment).json())
    assert found["retries"] == (5, "default")
    assert found["concurrency"] == (2, str(user / "plurijudge.toml"))
    assert found["samples"] == (3, "plurijudge.toml")
    assert found["timeout"] == ("4", "PLURIJUDGE_TIMEOUT")

    done = plurijudge("judge", "items.jsonl", "--judge", "own:longer", "--json", "--seed", "5", **environment)
    assert (done.json()["plan"]["plan"]["samples"], done.json()["plan"]["plan"]["seed"]) == (3, 5)
    without = plurijudge("judge", "items.jsonl", "--judge", "own:longer", "--json", **environment)
    assert without.json()["plan"]["plan"]["seed"] == 4


def test_the_store_is_named_by_a_flag_the_environment_or_a_file(plurijudge: Plurijudge) -> None:
    def made(*flags: str, **environment: str) -> set[str]:
        before = plurijudge.files()
        assert plurijudge("judge", "items.jsonl", "--judge", "own:longer", "-q", *flags, **environment).code == 0
        return plurijudge.files() - before

    assert made() == {"plurijudge.db"}
    plurijudge.write("plurijudge.toml", 'db = "file.db"\n')
    assert made() == {"file.db"}
    assert made(PLURIJUDGE_DB="env.db") == {"env.db"}
    assert made("--db", "flag.db", PLURIJUDGE_DB="env.db") == {"flag.db"}
    found = told(plurijudge("doctor", "--json", "--db", "flag.db").json())
    assert found["db"] == ("flag.db", "flag")


def test_dotenv_is_read_in_the_working_folder_alone_and_never_over_the_environment(plurijudge: Plurijudge) -> None:
    (plurijudge.folder.parent / ".env").write_text("PLURIJUDGE_SEED=9\n")
    plurijudge.write(".env", f"PLURIJUDGE_RETRIES=7\nPLURIJUDGE_SAMPLES=7\nMISTRAL_API_KEY={KEY}\n")
    ended = plurijudge("doctor", "--json", PLURIJUDGE_SAMPLES="8")
    found = told(ended.json())
    assert found["seed"] == (0, "default")
    assert found["retries"] == ("7", "PLURIJUDGE_RETRIES in .env")
    assert found["samples"] == ("8", "PLURIJUDGE_SAMPLES")
    assert "MISTRAL_API_KEY" in ended.out
    assert KEY not in ended.out + ended.err


def test_doctor_never_prints_a_key_or_a_password(plurijudge: Plurijudge) -> None:
    environment = {
        "OPENAI_API_KEY": KEY,
        "PLURIJUDGE_BASE_URL": "http://me:hunter2secret@127.0.0.1:9/v1",
        "PLURIJUDGE_DB": "postgresql://me:hunter2secret@127.0.0.1:1/x",
    }
    for flags in ((), ("--json",)):
        ended = plurijudge("doctor", *flags, **environment)
        assert ended.code == 1  # no server listens there
        assert "OPENAI_API_KEY" in ended.out
        assert KEY not in ended.out + ended.err
        assert "hunter2secret" not in ended.out + ended.err


def test_doctor_says_what_is_well_and_ends_with_0(judged: Plurijudge) -> None:
    ended = judged("doctor")
    assert ended.code == 0
    lines = ended.out.splitlines()
    checks = [line for line in lines if line.startswith("ok   ")]
    for name in ("versions", "store", "keys", "prompts", "a judgement through LangGraph and LiteLLM", "terminal"):
        assert any(line.startswith(f"ok   {name}: ") for line in checks)
    assert f"schema {REVISION}, 2 runs" in ended.out
    assert "  model = builtin/heuristic  (default)" in lines


def test_doctor_ends_with_1_where_something_is_not_well(plurijudge: Plurijudge) -> None:
    plurijudge.write("bad.db", "no store\n" * 200)
    ended = plurijudge("doctor", "--db", "bad.db")
    assert ended.code == 1
    assert "NOT  store: bad.db is not a plurijudge store" in ended.out
    assert plurijudge("doctor", "--db", "mysql://h/x").code == 1
