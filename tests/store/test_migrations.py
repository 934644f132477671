"""Does a store end with the same schema whichever road it came by?"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine, create_engine, inspect, text

from plurijudge.store.engine import REVISION, Store, make_engine, store_url, writing
from plurijudge.store.migrate import upgrade
from plurijudge.store.tables import VIEWS
from plurijudge.text.errors import NoStore, StoreError, StoreFull, StoreTooNew


def _options(index: Any) -> list[str]:
    return sorted(f"{name} {value}" for name, value in index.get("dialect_options", {}).items())


def schema(engine: Engine) -> dict[str, Any]:
    look = inspect(engine)
    tables: dict[str, Any] = {
        table: (
            sorted((c["name"], str(c["type"]), c["nullable"], str(c["default"])) for c in look.get_columns(table)),
            look.get_pk_constraint(table)["constrained_columns"],
            sorted((str(u["name"]), tuple(u["column_names"])) for u in look.get_unique_constraints(table)),
            sorted(str(c["sqltext"]) for c in look.get_check_constraints(table)),
            sorted((str(f["constrained_columns"]), f["referred_table"]) for f in look.get_foreign_keys(table)),
            sorted((str(i["name"]), tuple(map(str, i["column_names"])), _options(i)) for i in look.get_indexes(table)),
        )
        for table in look.get_table_names()
    }
    return tables | {view: " ".join(str(look.get_view_definition(view)).split()) for view in look.get_view_names()}


@pytest.fixture(params=["sqlite", pytest.param("postgres", marks=pytest.mark.postgres)])
def empty(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Engine]:
    """A database with nothing in it."""
    db = str(tmp_path / "empty.db") if request.param == "sqlite" else request.getfixturevalue("postgres_url")
    engine = make_engine(store_url(db))
    yield engine
    engine.dispose()


def address(engine: Engine) -> str:
    return engine.url.render_as_string(hide_password=False)


def emptied(engine: Engine) -> None:
    if engine.dialect.name == "sqlite":
        Path(str(engine.url.database)).unlink()
        return
    with engine.begin() as connection:
        connection.execute(text("DROP SCHEMA public CASCADE"))
        connection.execute(text("CREATE SCHEMA public"))


def test_a_store_made_at_once_equals_one_that_came_through_every_migration(empty: Engine) -> None:
    with Store.open(address(empty), create=True) as store:
        at_once = schema(store.engine)
    emptied(empty)
    upgrade(writing(empty))
    with empty.connect() as connection:
        assert connection.execute(text("SELECT version_num FROM alembic_version")).scalar() == REVISION
        assert len(connection.execute(text("SELECT value FROM meta WHERE name = 'fence'")).scalar_one()) == 64
    assert schema(empty) == at_once
    assert set(VIEWS) <= set(at_once)


def test_a_store_of_the_first_version_is_migrated_when_it_is_opened_and_keeps_what_it_holds(empty: Engine) -> None:
    upgrade(writing(empty), "0001")
    with writing(empty).begin() as connection:
        fence = connection.execute(text("SELECT value FROM meta WHERE name = 'fence'")).scalar_one()
        connection.execute(text("INSERT INTO dataset (id) VALUES ('d')"))
        connection.execute(text("INSERT INTO run (id, dataset, seed) VALUES ('r', 'd', 7)"))
    with Store.open(address(empty)) as store, store.engine.connect() as connection:
        assert connection.execute(text("SELECT version_num FROM alembic_version")).scalar_one() == REVISION
        assert connection.execute(text("SELECT id, seed FROM run")).all() == [("r", 7)]
        assert store.secret.hex() == fence
        assert {"lease", "concurrency"} <= set(inspect(connection).get_table_names())


def test_a_store_of_a_later_version_is_left_alone_and_says_so(tmp_path: Path) -> None:
    path = tmp_path / "future.db"
    with Store.open(path, create=True) as store, store.engine.begin() as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = '0999'"))
    with pytest.raises(StoreTooNew, match="0999"):
        Store.open(path)


@pytest.mark.parametrize("create", [True, False])
def test_a_database_of_another_program_is_not_taken_over(tmp_path: Path, create: bool) -> None:
    path = tmp_path / "other.db"
    engine = create_engine(f"sqlite:///{path}")
    with engine.begin() as connection:
        connection.execute(text("CREATE TABLE run (id TEXT)"))
    engine.dispose()
    with pytest.raises(StoreError, match="another program"):
        Store.open(path, create=create)


def test_a_file_that_is_no_database_is_named(tmp_path: Path) -> None:
    path = tmp_path / "letter.db"
    path.write_text("Dear reader, " * 200)
    with pytest.raises(StoreError, match=r"letter\.db is not a plurijudge store"):
        Store.open(path, create=True)


def test_a_store_that_is_not_there_is_not_made_by_reading(tmp_path: Path) -> None:
    with pytest.raises(NoStore):
        Store.open(tmp_path / "none.db")
    assert not (tmp_path / "none.db").exists()


def test_a_folder_and_a_missing_folder_are_named(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match="cannot be opened") as found:
        Store.open(tmp_path, create=True)
    assert "is a folder" in found.value.way_out
    with pytest.raises(StoreError) as found:
        Store.open(tmp_path / "no" / "such.db", create=True)
    assert "does not exist" in found.value.way_out


def test_a_store_marked_read_only_is_not_written(tmp_path: Path) -> None:
    path = tmp_path / "kept.db"
    Store.open(path, create=True).close()
    path.chmod(0o444)
    with pytest.raises(StoreFull, match="read-only"):
        Store.open(path, create=True)


def test_a_password_is_never_shown() -> None:
    from plurijudge.store.engine import shown

    said = shown(store_url("postgresql://me:hunter22@db.example/evals"))
    assert "hunter22" not in said
    assert "db.example" in said
