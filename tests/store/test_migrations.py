"""Does a store end with the same schema whichever road it came by?"""

from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine, create_engine, inspect, text

from plurijudge.store.engine import REVISION, Store, store_url
from plurijudge.store.migrate import upgrade
from plurijudge.store.tables import VIEWS
from plurijudge.text.errors import NoStore, StoreError, StoreFull, StoreTooNew


def schema(engine: Engine) -> dict[str, Any]:
    look = inspect(engine)
    return {
        table: (
            sorted((c["name"], str(c["type"]), c["nullable"]) for c in look.get_columns(table)),
            sorted(str(look.get_pk_constraint(table)["constrained_columns"])),
            sorted((str(u["name"]), tuple(u["column_names"])) for u in look.get_unique_constraints(table)),
            sorted(str(c["sqltext"]) for c in look.get_check_constraints(table)),
            sorted((str(f["constrained_columns"]), f["referred_table"]) for f in look.get_foreign_keys(table)),
            sorted((str(i["name"]), tuple(map(str, i["column_names"]))) for i in look.get_indexes(table)),
        )
        for table in look.get_table_names()
    } | dict.fromkeys(look.get_view_names())


def test_a_store_made_at_once_equals_one_that_came_through_every_migration(tmp_path: Path) -> None:
    with Store.open(tmp_path / "new.db", create=True) as store:
        at_once = schema(store.engine)
    migrated = create_engine(f"sqlite:///{tmp_path / 'old.db'}")
    upgrade(migrated)
    with migrated.connect() as connection:
        assert connection.execute(text("SELECT version_num FROM alembic_version")).scalar() == REVISION
        assert len(connection.execute(text("SELECT value FROM meta WHERE name = 'fence'")).scalar_one()) == 64
    assert schema(migrated) == at_once
    migrated.dispose()
    assert set(VIEWS) <= set(at_once)


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
