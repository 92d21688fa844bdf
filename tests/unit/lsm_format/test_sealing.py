"""Does every segment notice that it is damaged, elsewhere, or under another key?"""

from __future__ import annotations

import pytest

from datacave_core.errors import DataCorrupted
from datacave_lsm.crypto import KeyRing, MasterKeyError
from datacave_lsm.format import HEADER_BYTES, FileHeader, FileKind, Seals
from datacave_lsm.format.sealing import rewrap_file

NAME = "wal/0000000001.log"


def begin(seals, kind=FileKind.WAL, file_id=1):
    header, sealer = seals.begin(kind, file_id, NAME)
    return header, sealer, seals.resume(header, kind, NAME)[1]


def test_what_was_sealed_opens_again(seals):
    _, sealer, opener = begin(seals)
    for number, payload in enumerate([b"", b"x", b"a longer payload" * 100]):
        segment = sealer.seal(number, 0, payload)
        assert len(segment) == len(payload) + sealer.overhead
        assert opener.open(number, 0, segment, 0) == payload
        assert opener.open(number, 0, memoryview(segment), 0) == payload


def test_every_flipped_bit_is_noticed_and_the_error_names_the_place(seals):
    _, sealer, opener = begin(seals)
    segment = sealer.seal(7, 2, b"some payload")
    for at in range(len(segment)):
        for bit in range(8):
            broken = bytearray(segment)
            broken[at] ^= 1 << bit
            with pytest.raises(DataCorrupted) as caught:
                opener.open(7, 2, bytes(broken), 4096)
            assert NAME in caught.value.message
            assert "group 7, column 2" in caught.value.message
            assert "byte 4096" in caught.value.message


def test_a_cut_segment_is_noticed(seals):
    _, sealer, opener = begin(seals)
    segment = sealer.seal(0, 0, b"payload")
    for length in range(len(segment)):
        with pytest.raises(DataCorrupted):
            opener.open(0, 0, segment[:length], 0)


@pytest.mark.parametrize("place", [(5, 1), (4, 2), (6, 1), (2**63, 1), (5, 2**31)])
def test_a_segment_opens_only_at_its_own_position(seals, place):
    _, sealer, opener = begin(seals)
    segment = sealer.seal(5, 1, b"payload")
    if place == (5, 1):
        assert opener.open(*place, segment, 0) == b"payload"
    else:
        with pytest.raises(DataCorrupted):
            opener.open(*place, segment, 0)


@pytest.mark.parametrize(("kind", "file_id"), [(FileKind.WAL, 2), (FileKind.MANIFEST, 1)])
def test_a_segment_opens_only_in_its_own_file(seals, kind, file_id):
    _, sealer, _ = begin(seals)
    header, _, _ = begin(seals, kind, file_id)
    opener = seals.resume(header, kind, NAME)[1]
    with pytest.raises(DataCorrupted):
        opener.open(0, 0, sealer.seal(0, 0, b"payload"), 0)


def test_under_the_same_data_key_another_file_id_still_fails(ring_of):
    seals = ring_of("k1")
    header, sealer, _ = begin(seals)
    parsed = FileHeader.decode(header, NAME)
    forged = FileHeader(parsed.kind, 2, parsed.key_id, parsed.wrapped_key).encode()
    opener = seals.resume(forged, FileKind.WAL, NAME)[1]
    with pytest.raises(DataCorrupted, match="fails its seal"):
        opener.open(0, 0, sealer.seal(0, 0, b"payload"), 0)


def test_positions_never_repeat_or_step_back(seals):
    _, sealer, _ = begin(seals)
    sealer.seal(3, 1, b"")
    for place in [(3, 1), (3, 0), (2, 9)]:
        with pytest.raises(ValueError, match="does not follow"):
            sealer.seal(*place, b"")
    sealer.seal(3, 2, b"")
    sealer.seal(4, 0, b"")


def test_every_sealed_file_has_its_own_data_key(ring_of):
    seals = ring_of("k1")
    first, one, _ = begin(seals)
    second, two, _ = begin(seals)
    assert FileHeader.decode(first, NAME).wrapped_key != FileHeader.decode(second, NAME).wrapped_key
    assert one.seal(0, 0, b"payload") != two.seal(0, 0, b"payload")


def test_sealed_bytes_show_nothing_of_the_payload(ring_of):
    _, sealer, _ = begin(ring_of("k1"))
    assert b"marker" not in sealer.seal(0, 0, b"marker" * 20)


def test_every_flipped_byte_of_a_header_is_noticed(seals):
    header, _, _ = begin(seals)
    assert len(header) == HEADER_BYTES
    for at in range(HEADER_BYTES):
        broken = bytearray(header)
        broken[at] ^= 0xFF
        with pytest.raises(DataCorrupted, match=NAME):
            seals.resume(bytes(broken), FileKind.WAL, NAME)
    with pytest.raises(DataCorrupted, match="cannot hold the header"):
        seals.resume(header[:-1], FileKind.WAL, NAME)


def test_a_file_of_another_kind_or_id_is_refused(seals):
    header, _, _ = begin(seals)
    with pytest.raises(DataCorrupted, match="kind wal, not table"):
        seals.resume(header, FileKind.TABLE, NAME)
    with pytest.raises(DataCorrupted, match="file id 1, not 9"):
        seals.resume(header, FileKind.WAL, NAME, file_id=9)


def test_a_missing_key_is_named(ring_of):
    header, _, _ = begin(ring_of("k1"))
    with pytest.raises(MasterKeyError, match='"k1", which is not in the key ring'):
        ring_of("k2").resume(header, FileKind.WAL, NAME)
    with pytest.raises(MasterKeyError, match='"k1", and there is no key ring'):
        Seals().resume(header, FileKind.WAL, NAME)


def test_a_wrong_key_is_named(ring_of):
    header, _, _ = begin(ring_of("k1"))
    wrong = Seals(KeyRing({"k1": bytes(32)}, "k1"), ring_of("k1").randomness)
    with pytest.raises(MasterKeyError, match='another key than the key ring holds as "k1"'):
        wrong.resume(header, FileKind.WAL, NAME)


def test_a_plain_file_is_refused_where_a_key_ring_demands_seals(ring_of):
    header, sealer, _ = begin(Seals())
    with pytest.raises(MasterKeyError, match="is not sealed"):
        ring_of("k1").resume(header, FileKind.WAL, NAME)
    opener = ring_of("k1", allow_plain=True).resume(header, FileKind.WAL, NAME)[1]
    assert opener.open(0, 0, sealer.seal(0, 0, b"payload"), 0) == b"payload"


@pytest.mark.parametrize(
    ("keys", "current", "message"),
    [
        ({"a": b"short"}, "a", '"a" has 5 bytes, not 32'),
        ({"a": bytes(32)}, "b", '"b" is not in the key ring'),
        ({"x" * 32: bytes(32)}, "x" * 32, "1 to 31 bytes"),
        ({"": bytes(32)}, "", "1 to 31 bytes"),
    ],
)
def test_malformed_key_rings_are_refused(keys, current, message):
    with pytest.raises(MasterKeyError, match=message):
        KeyRing(keys, current)


def test_sealing_without_randomness_is_refused():
    with pytest.raises(ValueError, match="randomness"):
        Seals(KeyRing({"a": bytes(32)}, "a"))


def written(files, seals, name="t"):
    header, sealer = seals.begin(FileKind.TABLE, 5, name)
    file = files.create(name)
    file.write(header + sealer.seal(0, 0, b"payload"))
    return file


def test_rewrapping_changes_the_master_key_and_nothing_else(ring_of, new_files):
    files = new_files()
    old = written(files, ring_of("k1"))
    ring = ring_of("k2", "k1").ring
    assert rewrap_file(files, "t", FileKind.TABLE, ring)
    new = files.names["t"]
    assert new.content[HEADER_BYTES:] == old.content[HEADER_BYTES:]
    assert new.synced == len(new.content)
    header, opener = ring_of("k2").resume(bytes(new.content), FileKind.TABLE, "t", file_id=5)
    assert header.key_id == "k2"
    assert opener.open(0, 0, bytes(new.content[HEADER_BYTES:]), HEADER_BYTES) == b"payload"
    assert not rewrap_file(files, "t", FileKind.TABLE, ring)
    assert list(files.names) == ["t"]


def test_rewrapping_leaves_plain_files_alone(ring_of, new_files):
    files = new_files()
    written(files, Seals())
    assert not rewrap_file(files, "t", FileKind.TABLE, ring_of("k1").ring)


def test_rewrapping_that_fails_anywhere_leaves_a_readable_file(ring_of, new_files):
    for fail_at in range(1, 20):
        files = new_files()
        written(files, ring_of("k1"))
        files.diary.clear()
        files.fail_at = fail_at
        try:
            rewrap_file(files, "t", FileKind.TABLE, ring_of("k2", "k1").ring)
        except OSError:
            pass
        else:
            assert fail_at > 4
            break
        content = bytes(files.names["t"].content)
        opener = ring_of("k2", "k1").resume(content, FileKind.TABLE, "t")[1]
        assert opener.open(0, 0, content[HEADER_BYTES:], HEADER_BYTES) == b"payload"
        files.fail_at = None
        rewrap_file(files, "t", FileKind.TABLE, ring_of("k2", "k1").ring)
    else:
        pytest.fail("every run failed")
