from collections.abc import AsyncIterator

from hypothesis import given
from hypothesis import strategies as st

from app.api.ndjson import is_ndjson, numbered_lines


async def numbered(body: bytes, cuts: list[int], *, longest: int) -> list[tuple[int, bytes]]:
    async def chunks() -> AsyncIterator[bytes]:
        start = 0
        for end in [*sorted(cut % (len(body) + 1) for cut in cuts), len(body)]:
            yield body[start:end]
            start = end

    return [line async for line in numbered_lines(chunks(), longest=longest)]


@given(
    st.lists(st.binary(max_size=12).map(lambda line: line.replace(b"\n", b"")), max_size=8), st.lists(st.integers(0))
)
async def test_numbered_lines_with_any_chunks_are_the_same(lines: list[bytes], cuts: list[int]) -> None:
    expected = [(number, line) for number, line in enumerate(lines, start=1) if line.strip()]

    assert await numbered(b"\n".join(lines), cuts, longest=12) == expected


@given(st.lists(st.integers(0)))
async def test_numbered_lines_leave_out_a_byte_order_mark(cuts: list[int]) -> None:
    assert await numbered(b"\xef\xbb\xbfab\n\xef\xbb\xbfcd", cuts, longest=12) == [(1, b"ab"), (2, b"\xef\xbb\xbfcd")]
    assert await numbered(b"\xef\xbb\xbf\nab", cuts, longest=12) == [(2, b"ab")]


@given(st.lists(st.integers(0)), st.integers(6, 40))
async def test_numbered_lines_with_a_long_line_cuts_it(cuts: list[int], length: int) -> None:
    (first, long, last) = await numbered(b"ab\n" + b"x" * length + b"\ncd", cuts, longest=5)

    assert (first, last) == ((1, b"ab"), (3, b"cd"))
    assert long[0] == 2
    assert 5 < len(long[1]) <= length


def test_is_ndjson_accepts_all_names_of_the_media_type() -> None:
    def named(media_type: bytes) -> bool:
        return is_ndjson({"type": "http", "headers": [(b"content-type", media_type)]})

    assert named(b"application/x-ndjson")
    assert named(b"APPLICATION/JSONL; charset=utf-8")
    assert not named(b"application/json")
    assert not is_ndjson({"type": "http", "headers": []})
    assert not is_ndjson({"type": "websocket", "headers": []})
