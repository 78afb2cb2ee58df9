import json
import re
from pathlib import Path

import pytest

from models.data.dataset import UNKNOWN_TIME, Dataset, State
from models.data.episode_files import EpisodeFileError, read_episodes
from tests.unit.models.tiny_data import named_entities, tiny_dataset

DATASET = tiny_dataset([(0, 0, 5.0)], users=2, items=3)
GOOD = {"state": "user_cold", "user_id": "u1", "support": [["i2", 4], ["i0", 1.0]], "query": [["i1", 5]]}


def write(directory: Path, *lines: object) -> Path:
    """A file of these lines: text as it is, all else as JSON."""
    path = directory / "episodes.jsonl"
    text = [line if isinstance(line, str) else json.dumps(line) for line in lines]
    path.write_text("\n".join(text), encoding="utf-8")
    return path


class TestGoodFiles:
    def test_ids_become_rows(self, tmp_path: Path) -> None:
        [episode] = read_episodes(write(tmp_path, GOOD), DATASET)
        assert (episode.state, episode.user) == (State.USER_COLD, 1)
        assert episode.support_items.tolist() == [2, 0]
        assert episode.support_ratings.tolist() == [4.0, 1.0]
        assert episode.query_items.tolist() == [1]
        assert episode.query_ratings.tolist() == [5.0]

    def test_third_element_is_the_time(self, tmp_path: Path) -> None:
        line = {**GOOD, "support": [["i2", 4, 978300019], ["i0", 1.0]], "query": [["i1", 5, 978300500]]}
        [episode] = read_episodes(write(tmp_path, line), DATASET)
        assert episode.support_times is not None
        assert episode.support_times.tolist() == [978300019, UNKNOWN_TIME]
        assert episode.query_times is not None
        assert episode.query_times.tolist() == [978300500]

    def test_without_third_elements_there_are_no_times(self, tmp_path: Path) -> None:
        [episode] = read_episodes(write(tmp_path, GOOD), DATASET)
        assert episode.support_times is None
        assert episode.query_times is None

    def test_blank_lines_are_skipped(self, tmp_path: Path) -> None:
        path = write(tmp_path, GOOD, "", {**GOOD, "user_id": "u0"}, "  ", "")
        assert [episode.user for episode in read_episodes(path, DATASET)] == [1, 0]

    def test_windows_line_ends_are_read(self, tmp_path: Path) -> None:
        path = tmp_path / "episodes.jsonl"
        path.write_bytes(f"{json.dumps(GOOD)}\r\n{json.dumps(GOOD)}\r\n".encode())
        assert len(read_episodes(path, DATASET)) == 2

    def test_support_may_be_empty(self, tmp_path: Path) -> None:
        [episode] = read_episodes(write(tmp_path, {**GOOD, "support": []}), DATASET)
        assert episode.support_items.shape == (0,)

    def test_line_separator_within_a_string_is_text(self, tmp_path: Path) -> None:
        users = named_entities("u\u2028", 1)
        dataset = Dataset(DATASET.schema, users, DATASET.items, DATASET.ratings)
        line = json.dumps({**GOOD, "user_id": "u\u20280"}, ensure_ascii=False)
        assert len(read_episodes(write(tmp_path, line), dataset)) == 1


def without(name: str) -> dict[str, object]:
    return {key: value for key, value in GOOD.items() if key != name}


class TestMalformedLines:
    @pytest.mark.parametrize(
        ("line", "reason"),
        [
            ("not json", "Expecting value"),
            ('{"state": ', "Expecting value"),
            ([1, 2], "episode: "),
            (without("state"), "state: "),
            (without("user_id"), "user_id: "),
            (without("support"), "support: "),
            (without("query"), "query: "),
            ({**GOOD, "state": "hot"}, "state: 'hot' is not one of warm, user_cold, item_cold, user_and_item_cold"),
            ({**GOOD, "user_id": "u9"}, "user_id: 'u9' is not in the data set"),
            ({**GOOD, "user_id": 1}, "user_id: "),
            ({**GOOD, "support": [["i9", 4]]}, "support: item 'i9' is not in the data set"),
            ({**GOOD, "query": [["i0", 4], ["i9", 4]]}, "query: item 'i9' is not in the data set"),
            ({**GOOD, "support": [["i0", 4.5]]}, "support: rating 4.5 is not on the scale 1 to 5 in steps of 1"),
            ({**GOOD, "query": [["i0", 6]]}, "query: rating 6 is not on the scale"),
            ({**GOOD, "query": []}, "query: "),
            ({**GOOD, "query": [["i0"]]}, "query.0.1: "),
            ({**GOOD, "query": [["i0", "many"]]}, "query.0.1: "),
            (json.dumps({**GOOD, "query": [["i0", float("nan")]]}), "query.0.1: "),
            ({**GOOD, "query": [["i0", 5, "yesterday"]]}, "query.0.2: "),
            ({**GOOD, "query": [["i0", 5, 0.5]]}, "query.0.2: "),
            ({**GOOD, "query": [["i0", 5, 2**63]]}, "query.0.2: "),
            ({**GOOD, "query": [["i0", 5, 1, 1]]}, "query.0: "),
            ({**GOOD, "extra": 1}, "extra: "),
        ],
    )
    def test_error_names_the_line_and_the_field(self, tmp_path: Path, line: object, reason: str) -> None:
        path = write(tmp_path, GOOD, "", line, GOOD)
        with pytest.raises(EpisodeFileError, match=re.escape(f"{path}, line 3: {reason}")):
            read_episodes(path, DATASET)

    @pytest.mark.parametrize("lines", [[], ["", "  "]])
    def test_file_without_episodes_is_refused(self, tmp_path: Path, lines: list[str]) -> None:
        with pytest.raises(EpisodeFileError, match="the file has no episodes"):
            read_episodes(write(tmp_path, *lines), DATASET)

    def test_missing_file_is_named(self, tmp_path: Path) -> None:
        path = tmp_path / "none.jsonl"
        with pytest.raises(EpisodeFileError, match=re.escape(str(path))):
            read_episodes(path, DATASET)

    def test_bytes_that_are_not_text_are_refused(self, tmp_path: Path) -> None:
        path = tmp_path / "episodes.jsonl"
        path.write_bytes(b'{"state": "\xff"}')
        with pytest.raises(EpisodeFileError, match="utf-8"):
            read_episodes(path, DATASET)


def test_item_in_support_and_query_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "episodes.jsonl"
    file.write_text(
        json.dumps({"state": "warm", "user_id": "u0", "support": [["i0", 4]], "query": [["i0", 5]]}), encoding="utf-8"
    )
    with pytest.raises(EpisodeFileError, match="line 1: item 'i0' is named twice"):
        read_episodes(file, DATASET)
