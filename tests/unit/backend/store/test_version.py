"""Whether the store was written, as who asks very often is told."""

from pathlib import Path

from store_samples import a_network

from netconsole.backend.store import Store, networks


def write(store: Store, number: int) -> None:
    with store.transaction() as connection:
        a_network(connection, f"10.0.{number}.0/29", number)


def test_a_version_stays_until_somebody_writes(tmp_path: Path) -> None:
    store = Store(f"sqlite:///{tmp_path}/store.sqlite")
    versions = store.versions()
    assert versions.current() is None, "there is no database yet"
    write(store, 1)
    first = versions.current()
    assert first is not None
    assert versions.current() == first
    with store.reading() as connection:
        assert len(networks.every(connection)) == 1
    assert versions.current() == first, "reading changes nothing"
    write(store, 2)
    second = versions.current()
    assert second != first
    with store.transaction() as connection:
        a_network(connection, "10.0.3.0/29", 3)
        assert versions.current() == second, "it is not committed"
    assert versions.current() != second


def test_nothing_is_taken_for_the_same_over_a_rest_or_in_another_file(tmp_path: Path) -> None:
    path = tmp_path / "store.sqlite"
    store = Store(f"sqlite:///{path}")
    write(store, 1)
    versions = store.versions()
    first = versions.current()
    versions.rest()
    assert not path.with_name("store.sqlite-wal").exists(), "nothing is kept open"
    assert versions.current() != first
    second = versions.current()
    versions.rest()
    path.rename(tmp_path / "former")
    write(store, 1)
    assert versions.current() not in (first, second)
    versions.rest()


def test_of_a_store_that_is_only_read_nothing_is_known(tmp_path: Path) -> None:
    store = Store(f"sqlite:///{tmp_path}/store.sqlite")
    write(store, 1)
    assert Store(f"sqlite:///{tmp_path}/store.sqlite", read_only=True).versions().current() is None
