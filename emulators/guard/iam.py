r"""Who calls, and whether an allow policy of Identity and Access Management grants what the call needs.

A caller is a service account where its access token is that of an account of the policy. All others may do everything:
they are the user of this machine. The policy is a file, read again when it changes:

    {"accounts": {"EMAIL": "TOKEN"},
     "custom_roles": {"NAME": ["PERMISSION"]},
     "bindings": [{"resource": "//SERVICE/NAME", "role": "ROLE", "members": ["serviceAccount:EMAIL"],
                   "condition": "resource.name.startsWith(\"NAME\")"}]}

Resources have their full names (https://cloud.google.com/iam/docs/full-resource-names). A binding holds for its
resource and what is below it, that of a project for all of its resources.
"""

import argparse
import hmac
import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from pathlib import Path
from threading import Lock
from typing import Any

from emulators.guard.predefined_roles import PREDEFINED_ROLES

_PROJECTS = "//cloudresourcemanager.googleapis.com/projects/"
_PROJECT = re.compile(r"/projects/([^/]+)")
_ANY_PROJECT = "_"  # what names of Cloud Storage have in the place of one
_MEMBER = "serviceAccount:"
_CONDITION = re.compile(r'resource\.name\.startsWith\("([^"]+)"\)')


def project_resource(project: str) -> str:
    """Return the full name of a project."""
    return _PROJECTS + project


@dataclass(frozen=True)
class Binding:
    """A role that accounts have on a resource.

    Attributes:
        resource: full name of the resource.
        role: name of the role.
        permissions: of the role.
        accounts: e-mail addresses.
        below: what the names of resources must begin with; empty: any.
    """

    resource: str
    role: str
    permissions: frozenset[str]
    accounts: frozenset[str]
    below: str = ""

    @classmethod
    def from_json(cls, given: Mapping[str, Any], roles: Mapping[str, frozenset[str]]) -> "Binding":
        """Read a binding.

        Raises:
            ValueError: Its role or its condition is not known.
        """
        role, condition, below = given["role"], given.get("condition"), ""
        if role not in roles:
            raise ValueError(f"The policy binds {role}, which is neither a custom role nor in predefined_roles.py.")
        if condition:
            found = _CONDITION.fullmatch(condition)
            if found is None:
                raise ValueError(f"The policy has the condition {condition}: only resource.name.startsWith is known.")
            below = found[1]
        accounts = frozenset(member.removeprefix(_MEMBER) for member in given["members"])
        return cls(given["resource"], role, roles[role], accounts, below)

    def grants(self, account: str, permission: str, resource: str) -> bool:
        """Tell whether it grants an account a permission on a resource."""
        return account in self.accounts and permission in self.permissions and self._holds_for(resource)

    def _holds_for(self, resource: str) -> bool:
        if self.below and not resource.removeprefix("//").partition("/")[2].startswith(self.below):
            return False
        if self.resource.startswith(_PROJECTS):
            found = _PROJECT.search(resource)
            return found is not None and found[1] in (self.resource.removeprefix(_PROJECTS), _ANY_PROJECT)
        return resource == self.resource or resource.startswith(f"{self.resource}/")


@dataclass(frozen=True)
class Policy:
    """The tokens of service accounts, and their roles."""

    accounts: Mapping[str, str]
    bindings: Sequence[Binding]

    @classmethod
    def from_json(cls, given: Mapping[str, Any]) -> "Policy":
        """Read a policy.

        Raises:
            ValueError: It is none.
        """
        custom = {name: frozenset(permissions) for name, permissions in given.get("custom_roles", {}).items()}
        roles = PREDEFINED_ROLES | custom
        return cls(given["accounts"], [Binding.from_json(one, roles) for one in given["bindings"]])


class Access:
    """Judges calls by the policy of a file.

    Args:
        file: The policy; None: every caller may do everything.
        log: Takes a line of JSON for each kind of call: account, permission, resource, and the bindings that grant it.
            https://cloud.google.com/logging/docs/reference/audit/auditlog/rest/Shared.Types/AuditLog#AuthorizationInfo
            is the service's.
    """

    def __init__(self, file: Path | None = None, log: Path | None = None) -> None:
        self._file, self._log = file, log
        self._lock = Lock()
        self._read: tuple[int, int, int] | None = None
        self._policy = Policy({}, ())
        self._logged: set[tuple[str, str, tuple[str, ...]]] = set()

    def caller(self, authorization: str) -> "Caller":
        """Return who sends the value of an `Authorization` header."""
        scheme, _, given = authorization.strip().partition(" ")
        token = given.strip().encode() if scheme.lower() == "bearer" else b""
        accounts = self.policy().accounts.items()
        return Caller(self, next((one for one, its in accounts if hmac.compare_digest(its.encode(), token)), ""))

    def caller_of_metadata(self, metadata: Iterable[tuple[str, str | bytes]] | None) -> "Caller":
        """Return who makes a call of gRPC, by its metadata."""
        given = dict(metadata or ()).get("authorization", "")
        return self.caller(given if isinstance(given, str) else "")

    def as_account(self, account: str) -> "Caller":
        """Return a service account of Google's own, or one that somebody acts as; nobody where there is no policy."""
        return Caller(self, account if self._file else "")

    def token_of(self, account: str) -> str | None:
        """Return the token of a service account; None where the policy has none."""
        return self.policy().accounts.get(account)

    def policy(self) -> Policy:
        """Return the policy as the file has it now."""
        if self._file is None:
            return self._policy
        with self._lock:
            status = self._file.stat()
            version = (status.st_ino, status.st_mtime_ns, status.st_size)
            if version != self._read:
                self._policy, self._read = Policy.from_json(json.loads(self._file.read_text())), version
            return self._policy

    def is_granted(self, account: str, permission: str, resource: str) -> bool:
        """Tell whether a service account has a permission on a resource."""
        granting = [one for one in self.policy().bindings if one.grants(account, permission, resource)]
        self._note(account, permission, resource, tuple(f"{one.role} on {one.resource}" for one in granting))
        return bool(granting)

    def _note(self, account: str, permission: str, resource: str, granted_by: tuple[str, ...]) -> None:
        kind = (account, permission, granted_by)
        if self._log is None or kind in self._logged:
            return
        line = {"account": account, "permission": permission, "resource": resource, "granted_by": granted_by}
        with self._lock:
            self._logged.add(kind)
            with self._log.open("a", encoding="utf-8") as log:
                log.write(json.dumps(line) + "\n")


@dataclass(frozen=True)
class Caller:
    """Who calls.

    Attributes:
        access: judges it.
        account: e-mail address of a service account; empty: the user of this machine.
    """

    access: Access
    account: str = ""

    def may(self, permission: str, resource: str) -> bool:
        """Tell whether the caller has a permission on a resource, by its full name."""
        return not self.account or self.access.is_granted(self.account, permission, resource)


_USER = Caller(Access())
CALLER: ContextVar[Caller] = ContextVar("CALLER", default=_USER)
"""Who sends the request that is being answered."""


@contextmanager
def calling(caller: Caller) -> Iterator[None]:
    """Answer a request of this caller meanwhile."""
    before = CALLER.set(caller)
    try:
        yield
    finally:
        CALLER.reset(before)


def add_policy(parser: argparse.ArgumentParser) -> None:
    """Let a command line name the policy of service accounts; it is `policy`, and `access_log`."""
    parser.add_argument(
        "--policy",
        type=_policy_file,
        metavar="FILE",
        help="service accounts, their tokens and their roles, as JSON; a call with such a token is judged by them, all "
        "others may do everything (default: there are none)",
    )
    parser.add_argument(
        "--access-log",
        type=Path,
        metavar="FILE",
        help="takes which permissions service accounts needed, and which roles granted them, each once",
    )


def _policy_file(text: str) -> Path:
    """Return the path of a policy that can be used."""
    try:
        Policy.from_json(json.loads(Path(text).read_text(encoding="utf-8")))
    except OSError as error:
        raise argparse.ArgumentTypeError(f"{text} cannot be read: {error.strerror}") from error
    except KeyError as error:
        raise argparse.ArgumentTypeError(f"{text} is no policy: it lacks {error}") from error
    except (ValueError, TypeError, AttributeError) as error:
        raise argparse.ArgumentTypeError(f"{text} is no policy: {error}") from error
    return Path(text)
