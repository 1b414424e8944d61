"""Every conformance test runs on our emulator and, where gcloud has it, on Google's."""

from collections.abc import Iterator

import pytest

from tests.integration.emulators.pubsub.targets import Target, running_emulator, running_google_emulator

GOOGLE_DIFFERS = {
    "test_ack_deadline_too_short": "takes ack deadlines below 10 s",
    "test_bad_ack_ids": "takes an ack deadline above 600 s in ModifyAckDeadline",
    "test_bad_message": "knows no limits on attributes and ordering keys",
    "test_bad_publish[too_many_bytes]": "takes requests above 10 MB",
    "test_detached_subscription_keeps_only_its_settings": "has no DetachSubscription",
    "test_error_names_the_missing_resource": "does not name the resource in NOT_FOUND",
    "test_filter_passes_what_matches": "stores filters and ignores them",
    "test_filter_that_is_none": "takes any text as a filter",
    "test_flow_control_by_bytes": "ignores the flow control of a stream",
    "test_flow_control_by_messages": "ignores the flow control of a stream",
    "test_large_messages_are_pulled_in_several_responses": "sends responses its clients refuse (above 4 MiB)",
    "test_listing_a_missing_topic_is_an_error": "lists a missing topic as an empty one",
    "test_retry_policy_delays_the_next_attempt": "ignores the retry policy",
    "test_schema_service_is_unimplemented": "has schemas",
    "test_topic_labels_are_updated": "cannot update the labels of a topic",
    "test_topic_retention_reaches_back_before_the_subscription": "gives a new subscription what is retained",
    "test_what_is_left_out_is_refused": "takes push and export subscriptions",
}
"""Tests Google's emulator (0.8.20, of gcloud 528) fails, and how it differs from the service there."""

GOOGLE_WAITS = {
    "test_messages_are_shared_between_streams": "may give all messages to one stream",
    "test_message_waits_while_nobody_streams": "gives messages to a stream that has ended",
    "test_redelivery_replays_also_what_was_acked_out_of_order": "redelivers a key out of order",
    "test_redelivery_replays_the_key": "redelivers a key out of order",
}
"""The same, but they are not run: each would wait for its time-out."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if "target" in getattr(item, "fixturenames", ()):
            item.add_marker(pytest.mark.integration)
            item.add_marker(pytest.mark.timeout(180))
        name = item.name.replace("[google-", "[").replace("[google]", "")
        if name == item.name:
            continue
        for differences, runs in ((GOOGLE_DIFFERS, True), (GOOGLE_WAITS, False)):
            reason = differences.get(name) or differences.get(name.partition("[")[0])
            if reason:
                item.add_marker(pytest.mark.xfail(reason=f"Google's emulator {reason}", strict=True, run=runs))


@pytest.fixture(scope="session", params=["ours", "google"])
def emulator_address(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    if request.param == "google":
        with running_google_emulator() as address:
            yield address
    else:
        with running_emulator(tmp_path_factory.mktemp("pubsub")) as emulator:
            yield emulator.address


@pytest.fixture(scope="session")
def clients(emulator_address: str) -> Iterator[Target]:
    target = Target(emulator_address)
    yield target
    target.close()


@pytest.fixture
def target(clients: Target) -> Target:
    return clients
