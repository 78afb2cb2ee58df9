"""The documents name only files, modules and headings that exist."""

import re
import shlex
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
RESULTS = ROOT / "docs/results"
"""Generated pages: each describes the code that was measured, which may be older."""
DOCUMENTS = sorted(
    path
    for path in [*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md"), ROOT / "client/README.md"]
    if path.parent != RESULTS
)
FOLDERS = r"(?:models|app|tests|benchmarks|deploy|client|migrations|docs)"
PATH = re.compile(rf"(?<![\w/.-]){FOLDERS}/[\w./-]*\w\.(?:py|md|toml|json|ya?ml|html|svg|png|lua)\b")
CODE_PATH = re.compile(r"`([\w./-]+/[\w.-]+\.(?:py|toml)|[\w./-]+/)`")
PIP_INSTALL = re.compile(r"pip install ([^\n#`]+)")
LINK = re.compile(r"\]\(([^)\s]+)\)")


def prose(text: str) -> str:
    """The text without its code blocks."""
    return re.sub(r"^ *```.*?^ *```$", "", text, flags=re.MULTILINE | re.DOTALL)


def anchors(path: Path) -> set[str]:
    """The headings of a Markdown file as GitHub names them in links."""
    headings = re.findall(r"^#+ (.+)$", prose(path.read_text(encoding="utf-8")), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


@pytest.fixture(params=DOCUMENTS, ids=lambda path: str(path.relative_to(ROOT)))
def document(request: pytest.FixtureRequest) -> Path:
    path: Path = request.param
    return path


def test_document_with_paths_names_files_that_exist(document: Path) -> None:
    text = prose(document.read_text(encoding="utf-8"))
    assert [name for name in PATH.findall(text) if not (ROOT / name).exists()] == []


def test_architecture_with_paths_in_a_package_names_files_that_exist() -> None:
    text = (ROOT / "docs/architecture.md").read_text(encoding="utf-8")
    parents = (ROOT, ROOT / "models", ROOT / "app")
    names = CODE_PATH.findall(text)
    assert names
    assert [name for name in names if not any((parent / name).exists() for parent in parents)] == []


def source_of(module: str) -> str | None:
    """The source text of a module of the repository; None if there is no such module."""
    path = ROOT.joinpath(*module.split("."))
    files = [file for file in (path.with_suffix(".py"), path / "__init__.py") if file.is_file()]
    return files[0].read_text(encoding="utf-8") if files else None


def test_document_with_modules_names_modules_and_members_that_exist(document: Path) -> None:
    text = document.read_text(encoding="utf-8")
    for module in re.findall(rf"python -m ({FOLDERS}(?:\.\w+)+)", text):
        assert source_of(module) is not None, module
    for name in re.findall(rf"`({FOLDERS}(?:\.\w+)+)[`(]", text):
        module, _, member = name.rpartition(".")
        assert source_of(name) is not None or member in (source_of(module) or ""), name


def test_document_with_relative_links_leads_to_files_and_headings(document: Path) -> None:
    for link in LINK.findall(prose(document.read_text(encoding="utf-8"))):
        if re.match(r"[a-z]+:", link):
            continue
        name, _, anchor = link.partition("#")
        target = (document.parent / name) if name else document
        assert target.exists(), link
        if anchor:
            assert anchor in anchors(target), link


def test_documents_install_only_from_this_repository(document: Path) -> None:
    """Documents install our distributions only. Other names may be those of other projects."""
    for arguments in PIP_INSTALL.findall(document.read_text(encoding="utf-8")):
        for argument in shlex.split(arguments):
            if not argument.startswith("-"):
                path = argument.partition("[")[0]
                assert path.startswith((".", "requirements")), arguments
                assert (ROOT / path).exists(), arguments


def test_distributions_have_the_names_that_their_code_asks_for() -> None:
    names = {
        tomllib.loads((ROOT / folder / "pyproject.toml").read_text(encoding="utf-8"))["project"]["name"]
        for folder in (".", "client")
    }
    sources = [
        path.read_text(encoding="utf-8")
        for folder in ("app", "models", "client")
        for path in (ROOT / folder).rglob("*.py")
    ]
    asked = {name for source in sources for name in re.findall(r"""version\(["'](coldstart[\w-]*)["']\)""", source)}

    assert names == {"coldstart-recommender", "coldstart-recommender-client"}
    assert asked <= names
