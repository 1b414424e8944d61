"""The module's arguments and blocks are those of the provider's schema; needs no Terraform."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import hcl2
import pytest

from tests.unit.deploy.module import MODULE
from tests.unit.deploy.provider import SCHEMAS

META = {"count", "depends_on", "for_each", "lifecycle", "provider"}
KINDS = {"resource": "resource_schemas", "data": "data_source_schemas"}
FILES = sorted(MODULE.glob("*.tf"))


def named(block: dict[str, Any]) -> Iterator[tuple[str, Any]]:
    """What a block holds, by name, without what the parser adds."""
    yield from ((name.strip('"'), value) for name, value in block.items() if not name.startswith("__"))


def faults(block: dict[str, Any], schema: dict[str, Any], where: str) -> Iterator[str]:
    """What a block has that its schema lacks, and the other way round."""
    attributes, nested = schema["attributes"], schema.get("block_types", {})
    given: list[tuple[str, Any]] = []
    for name, value in named(block):
        if name == "dynamic":
            given += [(kind, one["content"]) for entry in value for kind, one in named(entry)]
        else:
            given.append((name, value))
    for name, value in given:
        is_block = isinstance(value, list) and any(isinstance(one, dict) and "__is_block__" in one for one in value)
        if is_block and name in nested:
            for one in value:
                yield from faults(one, nested[name]["block"], f"{where}.{name}")
        elif is_block or name not in attributes:
            yield f"{where}.{name} is not in the schema"
        elif not (attributes[name].get("required") or attributes[name].get("optional")):
            yield f"{where}.{name} is Google's to choose"
    required = {name for name, attribute in attributes.items() if attribute.get("required")}
    required |= {name for name, one in nested.items() if one.get("min_items")}
    yield from (f"{where}.{name} is missing" for name in sorted(required - {name for name, _ in given}))


def faults_of(text: str) -> list[str]:
    """The faults of all resources and data sources of a file."""
    parsed, found = hcl2.loads(text), []
    for keyword, kind in KINDS.items():
        for entry in parsed.get(keyword, []):
            ((resource, named_block),) = named(entry)
            ((name, block),) = named(named_block)
            where = f"{resource}.{name}"
            provider = str(block.get("provider", "google")).strip("${}")
            schema = SCHEMAS[f"registry.terraform.io/hashicorp/{provider}"][kind].get(resource)
            if schema is None:
                found.append(f"{where}: run python -m tools.provider_schema")
                continue
            found += faults({key: value for key, value in block.items() if key not in META}, schema["block"], where)
    return found


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_a_file_has_the_arguments_of_the_schema(path: Path) -> None:
    assert faults_of(path.read_text(encoding="utf-8")) == []


@pytest.mark.parametrize(
    ("right", "wrong", "fault"),
    [
        ("ack_deadline_seconds ", "ack_deadline_secs ", "stream.ack_deadline_secs is not in the schema"),
        ("  topic = ", "  state = ", "stream.topic is missing"),
        ('ttl = ""', "", "stream.expiration_policy.ttl is missing"),
        ('ttl = ""', 'ttl = ""\n after = ""', "stream.expiration_policy.after is not in the schema"),
        ("expiration_policy {", "labels {", "stream.labels is not in the schema"),
        ("ack_deadline_seconds ", "terraform_labels ", "stream.terraform_labels is Google's to choose"),
        ('"google_pubsub_subscription"', '"google_pubsub_lite"', "google_pubsub_lite.stream: run python"),
    ],
)
def test_a_wrong_argument_is_noticed(right: str, wrong: str, fault: str) -> None:
    text = (MODULE / "pubsub.tf").read_text(encoding="utf-8")
    assert text.count(right) == 1
    assert any(fault in found for found in faults_of(text.replace(right, wrong)))
