"""The database of the API's tests: PostgreSQL, or SQLite where PostgreSQL does not run.

The tests of storage and of jobs run on both, and the browser and the commands use SQLite. Running each test of the API
twice would take long.
"""

from pathlib import Path

import pytest

from tests.integration.conftest import empty_database


@pytest.fixture(scope="session")
def usual_database(request: pytest.FixtureRequest) -> str:
    """The kind of database of a test that does not name one."""
    try:
        request.getfixturevalue("postgresql_url")
    except pytest.skip.Exception:
        return "sqlite"
    return "postgresql"


@pytest.fixture
def database_url(request: pytest.FixtureRequest, usual_database: str, tmp_path: Path) -> str:
    """An empty database, of the kind that the test names."""
    return empty_database(getattr(request, "param", usual_database), request, tmp_path)
