"""What guests were told is told again as long as their data are the same, and no longer."""

from dataclasses import replace

from guest_samples import told

from netconsole.backend.injection.answer import GuestDocument
from netconsole.metadata.documents import LARGEST, KeptDocuments

GUEST = told()
PATH = ("latest", "user-data")
WHO = "10.0.0.3"


def test_a_document_is_of_these_data_this_path_and_who_asked() -> None:
    kept = KeptDocuments()
    kept.keep(GUEST, PATH, WHO, GuestDocument(b"first"))
    assert kept.of(GUEST, PATH, WHO) == GuestDocument(b"first")
    assert kept.of(GUEST, PATH, "10.0.0.4") is None
    assert kept.of(GUEST, ("latest",), WHO) is None
    assert kept.of(replace(GUEST, user_data=b"other"), PATH, WHO) is None
    kept.keep(GUEST, PATH, WHO, GuestDocument(b"second"))
    assert kept.of(GUEST, PATH, WHO) == GuestDocument(b"second")


def test_it_has_a_bound_and_forgets_first_what_nobody_asks_for() -> None:
    kept = KeptDocuments(most_bytes=64 << 10)
    for number in range(1000):
        kept.keep(GUEST, (str(number),), WHO, GuestDocument(bytes(1000)))
        assert kept.of(GUEST, ("0",), WHO) is not None
    there = [kept.of(GUEST, (str(number),), WHO) for number in range(1000)]
    assert sum(len(each.content) for each in there if each) <= 64 << 10
    assert there[-1] is not None
    kept.keep(GUEST, ("large",), WHO, GuestDocument(bytes(LARGEST + 1)))
    assert kept.of(GUEST, ("large",), WHO) is None
