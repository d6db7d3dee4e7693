"""What the tests of the artefacts share: one run under a real Prometheus, which takes some seconds."""

from collections.abc import Iterator

import pytest

from tests.deploy.scraped_run import ScrapedRun, scraped_run


@pytest.fixture(scope="session")
def scraped(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ScrapedRun]:
    """Return a run that a real Prometheus looked on."""
    with scraped_run(tmp_path_factory.mktemp("prometheus")) as run:
        yield run
