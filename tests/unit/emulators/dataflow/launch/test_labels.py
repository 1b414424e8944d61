"""Which labels a job may have."""

import pytest

from emulators.dataflow.errors import ApiError
from emulators.dataflow.launch.labels import check_labels


@pytest.mark.parametrize(
    "labels",
    [{}, {"a": ""}, {"day": "2026-01-01"}, {"é_1-": "ü"}, {"k" * 63: "v" * 63}, {f"k{n}": "v" for n in range(64)}],
)
def test_labels_that_a_job_may_have(labels: dict[str, str]) -> None:
    check_labels(labels)


@pytest.mark.parametrize(
    "labels",
    [
        *({"": "v"}, {"1": "v"}, {"_a": "v"}, {"Key": "v"}, {"a.b": "v"}, {"k": "Value"}, {"k": "a b"}, {"k": 1}),
        *({"k" * 64: "v"}, {"k": "v" * 64}, {"k": "字" * 43}, {f"k{n}": "v" for n in range(65)}),
    ],
)
def test_labels_that_no_job_has(labels: dict[str, object]) -> None:
    with pytest.raises(ApiError, match="Invalid label") as refused:
        check_labels(labels)
    assert (refused.value.code, refused.value.message.count("\n")) == (400, 0)
