"""Resource names: `projects/{project}/{topics,subscriptions,snapshots}/{id}`.

Ids are 3 to 255 characters, start with a letter, use letters, digits and `-._~+%`, and do not start with `goog`.
cf. https://cloud.google.com/pubsub/docs/pubsub-basics#resource_names, read 2026-11.
"""

from __future__ import annotations

import re

from emulators.pubsub.errors import invalid

DELETED_TOPIC = "_deleted-topic_"
"""What a subscription names as its topic once the topic is deleted."""

_PROJECT = re.compile(r"projects/([^/\s]+)")
_RESOURCE = re.compile(
    r"projects/([^/\s]+)/(topics|subscriptions|snapshots)/((?!goog)[A-Za-z][A-Za-z0-9\-._~+%]{2,254})"
)
_RULES = "https://cloud.google.com/pubsub/docs/pubsub-basics#resource_names"


def project_of(name: str, collection: str) -> str:
    """Return the project in a resource name.

    Raises:
        PubsubError: INVALID_ARGUMENT unless the name is a well-formed name of that collection.
    """
    match = _RESOURCE.fullmatch(name)
    if match is None or match[2] != collection:
        raise invalid(f"Invalid resource name given (name={name}). Refer to {_RULES} for more information.")
    return match[1]


def project_id(name: str) -> str:
    """Return the project id in `projects/{project}`.

    Raises:
        PubsubError: INVALID_ARGUMENT for anything else.
    """
    match = _PROJECT.fullmatch(name)
    if match is None:
        raise invalid(f"Invalid project resource name given (name={name}): expected projects/PROJECT_ID.")
    return match[1]
