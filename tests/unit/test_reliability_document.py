"""Every promise in docs/reliability.md has a test, and every fault test is named there."""

import ast
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
DOCUMENT = (ROOT / "docs" / "reliability.md").read_text(encoding="utf-8")
ROWS = [row for row in re.findall(r"^\| .+ \|$", DOCUMENT, re.MULTILINE) if not row.startswith("| fault |")]
NAMED_TESTS = re.findall(r"`(tests/[^`]+\.py::[^`]+)`", DOCUMENT)


def names_in(path: Path) -> set[str]:
    """The names that pytest gives to the tests of a file, without parameters."""
    names = set()
    for node in ast.parse(path.read_text(encoding="utf-8")).body:
        members = node.body if isinstance(node, ast.ClassDef) else [node]
        prefix = f"{node.name}::" if isinstance(node, ast.ClassDef) else ""
        functions = [member for member in members if isinstance(member, ast.FunctionDef | ast.AsyncFunctionDef)]
        names |= {f"{prefix}{function.name}" for function in functions if function.name.startswith("test_")}
    return {f"{path.relative_to(ROOT)}::{name}" for name in names}


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.split("|")[1].strip())
def test_row_of_the_document_names_its_tests(row: str) -> None:
    *_, tests, _ = row.split("|")
    assert re.fullmatch(r"(`tests/[^`]+`(, )?)+", tests.strip())


@pytest.mark.parametrize("name", NAMED_TESTS)
def test_name_in_the_document_is_that_of_a_test(name: str) -> None:
    assert name in names_in(ROOT / name.partition("::")[0])


def test_every_fault_test_is_named_in_the_document() -> None:
    fault_tests = [name for path in (ROOT / "tests/integration/faults").glob("test_*.py") for name in names_in(path)]
    assert fault_tests
    assert set(fault_tests) <= set(NAMED_TESTS)
