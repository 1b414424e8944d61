"""What is read from the services' answers."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from logline.stream.jobs import StreamCounters
from logline.stream.observe import counters, version_label


@pytest.mark.parametrize(
    ("image", "label"),
    [
        ("us-central1-docker.pkg.dev/p/logline/stream:0.1.0", "0-1-0"),
        ("localhost:5000/stream:V2_rc-1", "v2_rc-1"),
        ("localhost:5000/stream", "latest"),
        ("stream@sha256:0123456789abcdef0123", "0123456789ab"),
        ("stream:1.2@sha256:0123456789abcdef0123", "0123456789ab"),
    ],
)
def test_the_version_is_the_images_tag(image, label):
    assert version_label(image) == label


@given(st.text())
def test_a_label_is_always_one_that_google_takes(image):
    assert re.fullmatch(r"[a-z0-9_-]{0,63}", version_label(image))


def metric(name, scalar, *, step="s", **context):
    return {
        "name": {"origin": "user", "name": name, "context": {"step": step, **context}},
        "scalar": scalar,
        "updateTime": "2026-11-22T12:00:10.000000Z",
    }


def test_committed_counters_are_summed_over_the_steps():
    metrics = [
        metric("rows", 3, step="a"),
        metric("rows", 4, step="b"),
        metric("rows", 9, step="b", tentative="true"),
        metric("rejected", 1),
        {"name": {"name": "publish_to_append"}, "distribution": {"max": 5}},
    ]
    assert counters(metrics) == StreamCounters(rows=7, rejected=1)
    assert counters([]) == StreamCounters()
