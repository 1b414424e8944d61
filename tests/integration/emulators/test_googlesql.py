"""The local BigQuery computes what Google's own reference implementation of GoogleSQL computes."""

from collections import defaultdict

import pytest

from local_stack.running import RunningStack
from tests.integration.emulators.googlesql.compared import AREAS, area, as_expected, compared_area
from tests.integration.emulators.googlesql.local import LocalBigQuery

pytestmark = pytest.mark.integration

#: Expressions of each template; `make googlesql` compares more.
MOST = 3


@pytest.fixture(scope="module")
def local(emulators: RunningStack) -> LocalBigQuery:
    return LocalBigQuery(emulators.config.url("bigquery"), emulators.config.project)


@pytest.mark.parametrize("name", AREAS)
def test_an_area_is_as_its_file_says(name: str, local: LocalBigQuery) -> None:
    verdicts = defaultdict(set)
    for expected, one in compared_area(local, name, MOST):
        assert as_expected(expected, one), str(one)
        verdicts[expected, one.template].add(one.verdict)
    assert len(verdicts) == sum(map(len, area(name).values()))
    # What agrees in all is in the wrong list.
    assert not [of for of, found in verdicts.items() if of[0] != "agrees" and found <= {"same", "both refuse"}]
