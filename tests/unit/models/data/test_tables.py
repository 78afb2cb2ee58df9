import gzip
from datetime import UTC, datetime
from pathlib import Path

import polars as pl
import pytest

from models.data import tables
from models.data.malformed import LINE, DataError, Fault, MalformedRow, MalformedRows
from models.data.schema import Extraction, SourceFile
from models.data.tables import read_chunks, read_table


def read(directory: Path, source: SourceFile, *columns: str, lists: tuple[str, ...] = ()) -> pl.DataFrame:
    """The columns of a file that has to be well formed."""
    malformed = MalformedRows()
    table = read_table(directory, source, required=columns, lists=lists, malformed=malformed)
    assert not malformed, malformed.summary()
    return table


def faults(directory: Path, source: SourceFile, *columns: str) -> list[MalformedRow]:
    malformed = MalformedRows()
    read_table(directory, source, required=columns, malformed=malformed)
    return malformed.examples


class TestText:
    def test_quoted_separators_and_newlines_keep_the_line_where_each_row_begins(self, tmp_path: Path) -> None:
        (tmp_path / "items.csv").write_text('id,name\n1,"a, b"\n2,"two\nlines\nmore"\n\n3,"say ""hi"""\n')
        table = read(tmp_path, SourceFile(path="items.csv"), "id", "name")
        assert table.to_dict(as_series=False) == {
            LINE: [2, 3, 7],
            "id": ["1", "2", "3"],
            "name": ["a, b", "two\nlines\nmore", 'say "hi"'],
        }

    def test_separator_of_several_characters_splits_fields(self, tmp_path: Path) -> None:
        (tmp_path / "u.dat").write_bytes(b'1::F::"x\r\n2::M::a:b\r\n')
        source = SourceFile(path="u.dat", separator="::", columns=("id", "gender", "zip"))
        assert read(tmp_path, source, "id", "gender", "zip").rows() == [(1, "1", "F", '"x'), (2, "2", "M", "a:b")]

    def test_quotes_in_a_file_that_is_not_quoted_are_text(self, tmp_path: Path) -> None:
        (tmp_path / "u.item").write_text('1|"Open|x\n')
        source = SourceFile(path="u.item", separator="|", quoted=False, columns=("id", "name", "rest"))
        assert read(tmp_path, source, "name").rows() == [(1, '"Open')]

    def test_latin_1_is_decoded(self, tmp_path: Path) -> None:
        (tmp_path / "u.item").write_bytes("id,name\n1,Misérables\n".encode("latin-1"))
        source = SourceFile(path="u.item", encoding="latin-1")
        assert read(tmp_path, source, "name")["name"].to_list() == ["Misérables"]

    def test_byte_order_mark_is_not_part_of_the_first_name(self, tmp_path: Path) -> None:
        (tmp_path / "a.csv").write_text("id,name\n1,x\n", encoding="utf-8-sig")
        assert read(tmp_path, SourceFile(path="a.csv"), "id")["id"].to_list() == ["1"]

    def test_gzip_reads_like_the_plain_file(self, tmp_path: Path) -> None:
        text = "id,name\n1,x\n2,y\n"
        (tmp_path / "a.csv").write_text(text)
        (tmp_path / "a.csv.gz").write_bytes(gzip.compress(text.encode()))
        plain = read(tmp_path, SourceFile(path="a.csv"), "id", "name")
        assert read(tmp_path, SourceFile(path="a.csv.gz"), "id", "name").equals(plain)

    def test_empty_fields_white_space_and_nulls_are_unknown(self, tmp_path: Path) -> None:
        (tmp_path / "a.csv").write_text("id, name\n1,N/A\n2,\n3,  \n4, x \n5,N/A2\n")
        source = SourceFile(path="a.csv", nulls=("N/A",))
        assert read(tmp_path, source, "name")["name"].to_list() == [None, None, None, "x", "N/A2"]

    def test_file_of_a_header_has_columns_and_no_rows(self, tmp_path: Path) -> None:
        (tmp_path / "a.csv").write_text("id,name\n")
        table = read(tmp_path, SourceFile(path="a.csv"), "id")
        assert table.columns == [LINE, "id"]
        assert table.is_empty()

    def test_chunks_joined_are_the_file(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        (tmp_path / "a.csv").write_text("id\n" + "".join(f"{row}\n" for row in range(7)))
        monkeypatch.setattr(tables, "CHUNK_ROWS", 3)
        chunks = list(read_chunks(tmp_path, SourceFile(path="a.csv"), required=["id"], malformed=MalformedRows()))
        assert [chunk.height for chunk in chunks] == [3, 3, 1]
        assert pl.concat(chunks).rows() == [(row + 2, str(row)) for row in range(7)]


class TestMalformed:
    def test_wrong_number_of_fields_is_malformed(self, tmp_path: Path) -> None:
        (tmp_path / "a.csv").write_text('id,name\n1,x\n"2\n",y,z\n3\n4,w\n')
        source = SourceFile(path="a.csv")
        assert faults(tmp_path, source, "id") == [
            MalformedRow("a.csv", 3, Fault.FIELD_COUNT, "3 fields instead of 2"),
            MalformedRow("a.csv", 5, Fault.FIELD_COUNT, "1 fields instead of 2"),
        ]

    def test_bytes_of_another_encoding_are_malformed(self, tmp_path: Path) -> None:
        (tmp_path / "a.csv").write_bytes(b"id,name\n1,x\n2,Mis\xe9rables\n3,\xc3\xa9\n")
        assert faults(tmp_path, SourceFile(path="a.csv"), "id") == [
            MalformedRow("a.csv", 3, Fault.ENCODING, "bytes that are not utf-8")
        ]

    def test_unclosed_quote_is_malformed_on_its_first_line(self, tmp_path: Path) -> None:
        (tmp_path / "a.csv").write_text('id,name\n1,x\n2,"open\n3,y\n')
        [row] = faults(tmp_path, SourceFile(path="a.csv"), "id")
        assert (row.line, row.fault) == (3, Fault.QUOTES)
        assert "lines 3 to 4" in row.detail

    def test_rows_after_broken_quotes_are_read(self, tmp_path: Path) -> None:
        (tmp_path / "a.csv").write_text('id,name\n1,"x"y\n2,z\n')
        malformed = MalformedRows()
        table = read_table(tmp_path, SourceFile(path="a.csv"), required=["id"], malformed=malformed)
        assert table["id"].to_list() == ["2"]
        assert [(row.line, row.fault) for row in malformed.examples] == [(2, Fault.QUOTES)]

    def test_all_malformed_rows_are_counted_and_a_few_kept(self, tmp_path: Path) -> None:
        (tmp_path / "a.csv").write_text("id,name\n" + "1\n" * 30)
        malformed = MalformedRows()
        read_table(tmp_path, SourceFile(path="a.csv"), required=["id"], malformed=malformed)
        assert len(malformed) == 30
        assert [row.line for row in malformed.examples] == [2, 3, 4, 5, 6]
        assert malformed.summary().splitlines() == [
            "a.csv: wrong number of fields: 30 rows",
            *(f"  a.csv:{line}: 1 fields instead of 2" for line in range(2, 7)),
            "  and 25 more",
        ]


class TestDerivedColumns:
    def test_extract_replaces_a_column_and_adds_new_ones(self, tmp_path: Path) -> None:
        (tmp_path / "a.csv").write_text("id,title\n1,Toy Story (1995)\n2,Untitled\n3,\n")
        source = SourceFile(
            path="a.csv",
            extract={
                "title": Extraction(column="title", pattern=r"^(.+?)\s*(?:\(\d{4}\))?$"),
                "year": Extraction(column="title", pattern=r"\((\d{4})\)$"),
            },
        )
        table = read(tmp_path, source, "title", "year")
        assert table.select("title", "year").rows() == [("Toy Story", "1995"), ("Untitled", None), (None, None)]

    def test_flags_become_the_names_of_the_set_ones(self, tmp_path: Path) -> None:
        (tmp_path / "a.csv").write_text("id,Drama,Film|Noir\n1,1,1\n2,0,1\n3,0,0\n4,,1\n")
        source = SourceFile(path="a.csv", flags={"genre": ("Drama", "Film|Noir")})
        table = read(tmp_path, source, "genre", lists=("genre",))
        assert table["genre"].to_list() == [["Drama", "Film|Noir"], ["Film|Noir"], [], ["Film|Noir"]]

    def test_flag_that_is_neither_0_nor_1_is_malformed(self, tmp_path: Path) -> None:
        (tmp_path / "a.csv").write_text("id,Drama\n1,1\n2,yes\n3,\n")
        malformed = MalformedRows()
        source = SourceFile(path="a.csv", flags={"genre": ("Drama",)})
        table = read_table(tmp_path, source, required=["genre"], lists=["genre"], malformed=malformed)
        assert table.rows() == [(2, ["Drama"]), (4, [])]
        assert malformed.examples == [MalformedRow("a.csv", 3, Fault.FLAG, "Drama: 'yes' is neither 0 nor 1")]


class TestParquet:
    def test_parquet_is_read_like_the_same_csv(self, tmp_path: Path) -> None:
        frame = pl.DataFrame({"id": [10, 20, 30], "stars": [4.5, 1.0, None], "name": ["x", " y ", ""]})
        frame.write_parquet(tmp_path / "a.parquet")
        frame.write_csv(tmp_path / "a.csv")
        columns = ("id", "stars", "name")
        from_parquet = read(tmp_path, SourceFile(path="a.parquet"), *columns).select(columns)
        assert from_parquet.equals(read(tmp_path, SourceFile(path="a.csv"), *columns).select(columns))

    def test_lists_times_and_truth_values_are_read(self, tmp_path: Path) -> None:
        pl.DataFrame(
            {
                "genre": [["a", "b"], None],
                "when": [datetime(2000, 12, 31, 22, 12, 40, tzinfo=UTC), None],
                "Drama": [True, False],
            }
        ).write_parquet(tmp_path / "a.parquet")
        source = SourceFile(path="a.parquet", flags={"kind": ("Drama",)})
        table = read(tmp_path, source, "genre", "when", "kind", lists=("genre", "kind"))
        assert table.rows() == [(1, ["a", "b"], "978300760", ["Drama"]), (2, None, None, [])]

    def test_list_in_a_column_of_single_values_is_an_error(self, tmp_path: Path) -> None:
        pl.DataFrame({"id": [["a"]]}).write_parquet(tmp_path / "a.parquet")
        with pytest.raises(DataError, match=r"a\.parquet: column 'id' holds lists"):
            read(tmp_path, SourceFile(path="a.parquet"), "id")

    def test_row_numbers_continue_over_chunks(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        pl.DataFrame({"id": range(5)}).write_parquet(tmp_path / "a.parquet")
        monkeypatch.setattr(tables, "CHUNK_ROWS", 2)
        table = read(tmp_path, SourceFile(path="a.parquet"), "id")
        assert table.rows() == [(row + 1, str(row)) for row in range(5)]


class TestUnreadable:
    def test_missing_column_is_an_error_that_names_file_and_column(self, tmp_path: Path) -> None:
        (tmp_path / "a.csv").write_text("id,name\n1,x\n")
        with pytest.raises(DataError, match=r"a\.csv: there is no column 'stars'; the columns are id, name"):
            read(tmp_path, SourceFile(path="a.csv"), "id", "stars")

    def test_missing_origin_of_an_extraction_is_an_error(self, tmp_path: Path) -> None:
        (tmp_path / "a.csv").write_text("id\n1\n")
        source = SourceFile(path="a.csv", extract={"year": Extraction(column="title", pattern="(x)")})
        with pytest.raises(DataError, match=r"a\.csv: there is no column 'title'"):
            read(tmp_path, source, "id")

    @pytest.mark.parametrize(
        ("name", "content", "cause"),
        [
            ("empty.csv", b"", "empty.csv cannot be read: the file is empty"),
            ("twice.csv", b"id,name,id\n", "twice.csv: two columns are called 'id'"),
            ("latin.csv", b"id,n\xe9\n1,2\n", "latin.csv cannot be read: the header is not utf-8"),
            ("not.csv.gz", b"id,name\n", "not.csv.gz cannot be read"),
            ("cut.csv.gz", gzip.compress(b"id,name\n" * 99, mtime=0)[:-9], "cut.csv.gz cannot be read"),
            ("not.parquet", b"id,name\n", "not.parquet cannot be read"),
        ],
    )
    def test_broken_file_is_an_error(self, tmp_path: Path, name: str, content: bytes, cause: str) -> None:
        (tmp_path / name).write_bytes(content)
        with pytest.raises(DataError, match=f"^{cause}"):
            read(tmp_path, SourceFile(path=name), "id")

    def test_missing_file_is_an_error(self, tmp_path: Path) -> None:
        with pytest.raises(DataError, match=r"gone\.csv cannot be read"):
            read(tmp_path, SourceFile(path="gone.csv"), "id")
