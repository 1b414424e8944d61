"""What a policy grants, and whom it knows."""

import argparse
import json
from pathlib import Path
from typing import Any

import pytest

from emulators.guard.iam import Access, Policy, add_policy, project_resource

ANN, BOB = "ann@p.iam.gserviceaccount.com", "bob@p.iam.gserviceaccount.com"
TOPIC = "//pubsub.googleapis.com/projects/p/topics/lines"
BUCKET = "//storage.googleapis.com/projects/_/buckets/logs"
PUBLISH, GET = "pubsub.topics.publish", "storage.objects.get"


def binding(resource: str, role: str, *accounts: str, **more: str) -> dict[str, Any]:
    return {"resource": resource, "role": role, "members": [f"serviceAccount:{one}" for one in accounts], **more}


def access(folder: Path, *bindings: dict[str, Any]) -> Access:
    file = folder / "policy.json"
    custom = {"readers": [GET]}
    file.write_text(
        json.dumps({"accounts": {ANN: "a" * 40, BOB: "b" * 40}, "custom_roles": custom, "bindings": bindings})
    )
    return Access(file, folder / "access.jsonl")


def test_a_token_tells_who_calls(tmp_path: Path) -> None:
    known = access(tmp_path)
    assert known.caller(f"Bearer {'a' * 40}").account == ANN
    assert known.caller_of_metadata([("authorization", f"Bearer {'b' * 40}")]).account == BOB
    assert known.token_of(BOB) == "b" * 40


@pytest.mark.parametrize("authorization", ["", "Bearer", "Bearer ", f"Basic {'a' * 40}", f"Bearer {'a' * 39}"])
def test_all_others_may_do_everything(tmp_path: Path, authorization: str) -> None:
    caller = access(tmp_path).caller(authorization)
    assert caller.account == ""
    assert caller.may(PUBLISH, TOPIC)
    assert Access().caller(f"Bearer {'a' * 40}").may(PUBLISH, TOPIC)


@pytest.mark.parametrize(
    ("resource", "granted"),
    [
        (TOPIC, True),
        (f"{TOPIC}-2", False),
        ("//pubsub.googleapis.com/projects/p/topics", False),
        (project_resource("p"), False),
    ],
)
def test_a_role_holds_for_its_resource_alone(tmp_path: Path, resource: str, granted: bool) -> None:
    known = access(tmp_path, binding(TOPIC, "roles/pubsub.publisher", ANN))
    assert known.as_account(ANN).may(PUBLISH, resource) is granted
    assert not known.as_account(BOB).may(PUBLISH, resource)
    assert not known.as_account(ANN).may("pubsub.topics.get", resource)


@pytest.mark.parametrize(
    ("resource", "granted"),
    [
        (TOPIC, True),
        (BUCKET, True),
        (project_resource("p"), True),
        (project_resource("p2"), False),
        (TOPIC.replace("/p/", "/other/"), False),
    ],
)
def test_a_role_on_the_project_holds_for_all_of_its_resources(tmp_path: Path, resource: str, granted: bool) -> None:
    known = access(tmp_path, binding(project_resource("p"), "roles/pubsub.publisher", ANN))
    assert known.as_account(ANN).may(PUBLISH, resource) is granted


@pytest.mark.parametrize(("name", "granted"), [("templates/a", True), ("logs/a", False), ("", False)])
def test_a_condition_on_names(tmp_path: Path, name: str, granted: bool) -> None:
    below = 'resource.name.startsWith("projects/_/buckets/logs/objects/templates/")'
    known = access(tmp_path, binding(BUCKET, "readers", ANN, condition=below))
    assert known.as_account(ANN).may(GET, f"{BUCKET}/objects/{name}" if name else BUCKET) is granted


def test_a_policy_is_read_again_when_it_changes(tmp_path: Path) -> None:
    known = access(tmp_path, binding(TOPIC, "roles/pubsub.publisher", ANN))
    assert known.as_account(ANN).may(PUBLISH, TOPIC)
    changed = tmp_path / "changed.json"
    changed.write_text(json.dumps({"accounts": {}, "bindings": []}))
    changed.replace(tmp_path / "policy.json")
    assert not known.as_account(ANN).may(PUBLISH, TOPIC)


def test_what_was_asked_is_logged_once_for_what_grants_it(tmp_path: Path) -> None:
    known = access(tmp_path, binding(BUCKET, "readers", ANN))
    for name in ("a", "b"):
        known.as_account(ANN).may(GET, f"{BUCKET}/objects/{name}")
        known.as_account(BOB).may(GET, f"{BUCKET}/objects/{name}")
    logged = [json.loads(line) for line in (tmp_path / "access.jsonl").read_text().splitlines()]
    asked = {"permission": GET, "resource": f"{BUCKET}/objects/a"}
    assert logged == [
        {"account": ANN, **asked, "granted_by": [f"readers on {BUCKET}"]},
        {"account": BOB, **asked, "granted_by": []},
    ]


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        (binding(TOPIC, "roles/pubsub.king", ANN), "binds roles/pubsub.king, which is neither a custom role"),
        (binding(TOPIC, "roles/pubsub.viewer", ANN, condition="true"), "has the condition true"),
    ],
)
def test_a_policy_that_is_none(wrong: dict[str, Any], words: str) -> None:
    with pytest.raises(ValueError, match=words):
        Policy.from_json({"accounts": {}, "bindings": [wrong]})


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (None, "cannot be read: No such file or directory"),
        ("{", "is no policy: Expecting property name"),
        ("[]", "is no policy: 'list' object has no attribute 'get'"),
        ('{"accounts": {}}', "is no policy: it lacks 'bindings'"),
        ('{"accounts": {}, "bindings": [{"role": "roles/nope"}]}', "is no policy: The policy binds roles/nope"),
        (b"\xff", "is no policy: 'utf-8' codec can't decode"),
    ],
)
def test_a_policy_that_cannot_be_used_prevents_the_start(
    tmp_path: Path, content: str | bytes | None, said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "policy.json"
    if content is not None:
        file.write_bytes(content if isinstance(content, bytes) else content.encode())
    parser = argparse.ArgumentParser()
    add_policy(parser)
    with pytest.raises(SystemExit):
        parser.parse_args(["--policy", str(file)])
    assert f"argument --policy: {file} {said}" in capsys.readouterr().err
