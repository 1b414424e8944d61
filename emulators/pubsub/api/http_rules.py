"""Which HTTP request is which method: the google.api.http annotations of google/pubsub/v1/*.proto, and how they match.

cf. https://github.com/googleapis/googleapis/blob/master/google/api/http.proto, read 2026-11. A pattern names the fields
of the request whose values the path holds: `{topic.name=projects/*/topics/*}`.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from urllib.parse import unquote

WHOLE_BODY = "*"
"""The body of a rule whose HTTP body is the request itself, but for the fields in the path."""

_PUBLISHER = "google.pubsub.v1.Publisher"
_SUBSCRIBER = "google.pubsub.v1.Subscriber"
_SCHEMAS = "google.pubsub.v1.SchemaService"
_IAM = "google.iam.v1.IAMPolicy"


@dataclass(frozen=True, slots=True)
class Rule:
    """One annotation.

    Attributes:
        method: The full name of the method.
        verb: The HTTP method.
        pattern: Of the path.
        body: The field of the request that the HTTP body holds, `WHOLE_BODY`, or empty where there is none.
    """

    method: str
    verb: str
    pattern: str
    body: str = ""


RULES = (
    Rule(f"{_PUBLISHER}/CreateTopic", "PUT", "/v1/{name=projects/*/topics/*}", WHOLE_BODY),
    Rule(f"{_PUBLISHER}/UpdateTopic", "PATCH", "/v1/{topic.name=projects/*/topics/*}", WHOLE_BODY),
    Rule(f"{_PUBLISHER}/Publish", "POST", "/v1/{topic=projects/*/topics/*}:publish", WHOLE_BODY),
    Rule(f"{_PUBLISHER}/GetTopic", "GET", "/v1/{topic=projects/*/topics/*}"),
    Rule(f"{_PUBLISHER}/ListTopics", "GET", "/v1/{project=projects/*}/topics"),
    Rule(f"{_PUBLISHER}/ListTopicSubscriptions", "GET", "/v1/{topic=projects/*/topics/*}/subscriptions"),
    Rule(f"{_PUBLISHER}/ListTopicSnapshots", "GET", "/v1/{topic=projects/*/topics/*}/snapshots"),
    Rule(f"{_PUBLISHER}/DeleteTopic", "DELETE", "/v1/{topic=projects/*/topics/*}"),
    Rule(f"{_PUBLISHER}/DetachSubscription", "POST", "/v1/{subscription=projects/*/subscriptions/*}:detach"),
    Rule(f"{_SUBSCRIBER}/CreateSubscription", "PUT", "/v1/{name=projects/*/subscriptions/*}", WHOLE_BODY),
    Rule(f"{_SUBSCRIBER}/GetSubscription", "GET", "/v1/{subscription=projects/*/subscriptions/*}"),
    Rule(
        f"{_SUBSCRIBER}/UpdateSubscription", "PATCH", "/v1/{subscription.name=projects/*/subscriptions/*}", WHOLE_BODY
    ),
    Rule(f"{_SUBSCRIBER}/ListSubscriptions", "GET", "/v1/{project=projects/*}/subscriptions"),
    Rule(f"{_SUBSCRIBER}/DeleteSubscription", "DELETE", "/v1/{subscription=projects/*/subscriptions/*}"),
    Rule(
        f"{_SUBSCRIBER}/ModifyAckDeadline",
        "POST",
        "/v1/{subscription=projects/*/subscriptions/*}:modifyAckDeadline",
        WHOLE_BODY,
    ),
    Rule(f"{_SUBSCRIBER}/Acknowledge", "POST", "/v1/{subscription=projects/*/subscriptions/*}:acknowledge", WHOLE_BODY),
    Rule(f"{_SUBSCRIBER}/Pull", "POST", "/v1/{subscription=projects/*/subscriptions/*}:pull", WHOLE_BODY),
    Rule(
        f"{_SUBSCRIBER}/ModifyPushConfig",
        "POST",
        "/v1/{subscription=projects/*/subscriptions/*}:modifyPushConfig",
        WHOLE_BODY,
    ),
    Rule(f"{_SUBSCRIBER}/Seek", "POST", "/v1/{subscription=projects/*/subscriptions/*}:seek", WHOLE_BODY),
    Rule(f"{_SUBSCRIBER}/CreateSnapshot", "PUT", "/v1/{name=projects/*/snapshots/*}", WHOLE_BODY),
    Rule(f"{_SUBSCRIBER}/GetSnapshot", "GET", "/v1/{snapshot=projects/*/snapshots/*}"),
    Rule(f"{_SUBSCRIBER}/UpdateSnapshot", "PATCH", "/v1/{snapshot.name=projects/*/snapshots/*}", WHOLE_BODY),
    Rule(f"{_SUBSCRIBER}/ListSnapshots", "GET", "/v1/{project=projects/*}/snapshots"),
    Rule(f"{_SUBSCRIBER}/DeleteSnapshot", "DELETE", "/v1/{snapshot=projects/*/snapshots/*}"),
    Rule(f"{_SCHEMAS}/CreateSchema", "POST", "/v1/{parent=projects/*}/schemas", "schema"),
    Rule(f"{_SCHEMAS}/GetSchema", "GET", "/v1/{name=projects/*/schemas/*}"),
    Rule(f"{_SCHEMAS}/ListSchemas", "GET", "/v1/{parent=projects/*}/schemas"),
    Rule(f"{_SCHEMAS}/ListSchemaRevisions", "GET", "/v1/{name=projects/*/schemas/*}:listRevisions"),
    Rule(f"{_SCHEMAS}/CommitSchema", "POST", "/v1/{name=projects/*/schemas/*}:commit", WHOLE_BODY),
    Rule(f"{_SCHEMAS}/RollbackSchema", "POST", "/v1/{name=projects/*/schemas/*}:rollback", WHOLE_BODY),
    Rule(f"{_SCHEMAS}/DeleteSchemaRevision", "DELETE", "/v1/{name=projects/*/schemas/*}:deleteRevision"),
    Rule(f"{_SCHEMAS}/DeleteSchema", "DELETE", "/v1/{name=projects/*/schemas/*}"),
    Rule(f"{_SCHEMAS}/ValidateSchema", "POST", "/v1/{parent=projects/*}/schemas:validate", WHOLE_BODY),
    Rule(f"{_SCHEMAS}/ValidateMessage", "POST", "/v1/{parent=projects/*}/schemas:validateMessage", WHOLE_BODY),
    *(
        rule
        for kind in ("topics", "subscriptions", "snapshots", "schemas")
        for rule in (
            Rule(f"{_IAM}/GetIamPolicy", "GET", f"/v1/{{resource=projects/*/{kind}/*}}:getIamPolicy"),
            Rule(f"{_IAM}/SetIamPolicy", "POST", f"/v1/{{resource=projects/*/{kind}/*}}:setIamPolicy", WHOLE_BODY),
            Rule(
                f"{_IAM}/TestIamPermissions",
                "POST",
                f"/v1/{{resource=projects/*/{kind}/*}}:testIamPermissions",
                WHOLE_BODY,
            ),
        )
    ),
)


class Router:
    """Finds the rule of a request."""

    def __init__(self) -> None:
        # What ends in a custom verb comes first: to the others `:publish` is the end of a name.
        ordered = sorted(RULES, key=lambda rule: ":" not in rule.pattern)
        self._routes = [(rule, *_compiled(rule.pattern)) for rule in ordered]

    def find(self, verb: str, path: str) -> tuple[Rule, dict[str, str]] | None:
        """Return the rule of a request, and the values of the request's fields that its path holds.

        Args:
            verb: The HTTP method.
            path: As it was sent, without the query.
        """
        for rule, regex, field in self._routes:
            if rule.verb == verb and (match := regex.fullmatch(path)):
                return rule, {field: unquote(match[1])}
        return None


def _compiled(pattern: str) -> tuple[re.Pattern[str], str]:
    """Return a regular expression with one group, and the field that the group is the value of."""
    before, field, value, after = re.fullmatch(r"(.*)\{(.+)=(.+)\}(.*)", pattern).groups()  # type: ignore[union-attr]
    segments = re.escape(value).replace(r"\*", "[^/]+")
    return re.compile(f"{re.escape(before)}({segments}){re.escape(after)}"), field
