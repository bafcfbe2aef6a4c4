from hypothesis import given
from hypothesis import strategies as st

from sidecar.http_pool.records import Records


def record(content: bytes) -> bytes:
    return b"\x17\x03\x03" + len(content).to_bytes(2) + content


@given(st.lists(st.binary(max_size=300), max_size=5), st.data())
def test_however_they_are_split_nothing_is_open_only_behind_a_whole_one(
    contents: list[bytes], data: st.DataObject
) -> None:
    ends = {sum(len(record(content)) for content in contents[:count]) for count in range(len(contents) + 1)}
    whole = b"".join(record(content) for content in contents)
    records, at = Records(), 0
    assert records.is_between
    while at < len(whole):
        step = data.draw(st.integers(1, len(whole) - at))
        records.feed(whole[at : at + step])
        at += step
        assert records.is_between == (at in ends)


def test_the_longest_is_one() -> None:
    records, longest = Records(), record(b"x" * (2**14 + 256))
    records.feed(longest[:-1])
    assert not records.is_between
    records.feed(longest[-1:] + longest)
    assert records.is_between
