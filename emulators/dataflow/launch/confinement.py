"""What a launch may make a job do: run templates of known buckets, and reach Cloud Storage and known folders alone.

A job is a process of the emulator's own user, so a launch must not choose its code or its files. The code is the entry
point of the image's name; here are the options and the files.
"""

import glob
import re
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from emulators.dataflow.errors import invalid_argument, invalid_parameters
from emulators.dataflow.launch.beam_options import ENVIRONMENT_FIELDS, LAUNCH_OPTIONS, RESERVED_OPTIONS
from emulators.dataflow.launch.template import Template

#: As in Python: what a module can declare. Another character could end the option's name, such as `=`.
_NAME = re.compile(r"[A-Za-z]\w*", re.ASCII)
_ADDITIONAL_OPTION = re.compile(r"--([A-Za-z]\w*)(?:=(.*))?", re.ASCII | re.DOTALL)
_EXPERIMENT = re.compile(r"[A-Za-z][\w-]*(=[\w.,:-]*)?", re.ASCII)
_SCHEME = re.compile(r"([A-Za-z][A-Za-z0-9+.-]*):/")


class Confinement:
    """The limits of every launch.

    Args:
        buckets: Of the template specs.
        folders: Of this machine that parameters may name files in; a relative path is one of the job's own folder.
    """

    def __init__(self, buckets: Iterable[str], folders: Iterable[Path] = ()) -> None:
        self._buckets = sorted(buckets)
        self._folders = [folder.resolve() for folder in folders]

    def check_spec(self, uri: str) -> None:
        """Check where a container spec is.

        Raises:
            ApiError: 400, in no bucket of templates.
        """
        if uri.removeprefix("gs://").partition("/")[0] not in self._buckets:
            known = ", ".join(self._buckets)
            raise invalid_argument(
                f"Invalid containerSpecGcsPath {uri!r}: this emulator launches templates of {known} only; upload the "
                "spec there, or start the emulator with another --template-bucket."
            )

    def check(self, template: Template, parameters: Mapping[str, str], environment: Mapping[str, Any]) -> None:
        """Check what a launch hands to its job.

        Args:
            template: Declares the parameters.
            parameters: Of the launch.
            environment: Of the launch and the template, a FlexTemplateRuntimeEnvironment of the right types.

        Raises:
            ApiError: 400, naming each parameter and option that is refused, and why.
        """
        template.check(parameters)
        violations = {}
        for name in template.parameters:
            if name in RESERVED_OPTIONS:
                violations[name] = "Refused: this option of Beam is the emulator's to set, take it out of the metadata"
            elif not _NAME.fullmatch(name):
                violations[name] = "Refused: the name of a parameter is a letter, then letters, digits and _"
        for name, value in [*parameters.items(), *_options_of(environment)]:
            if reason := self._refusal(value):
                violations.setdefault(name, reason)
        for option in environment.get("additionalPipelineOptions", []):
            if reason := self._refusal_of_option(option, template):
                violations[f"additionalPipelineOptions: {option}"] = reason
        for experiment in environment.get("additionalExperiments", []):
            if not _EXPERIMENT.fullmatch(experiment):
                violations[f"additionalExperiments: {experiment}"] = "Refused: expected name or name=value"
        if violations:
            raise invalid_parameters(violations)

    def _refusal_of_option(self, option: str, template: Template) -> str | None:
        match = _ADDITIONAL_OPTION.fullmatch(option)
        if match is None:
            return "Refused: expected --name or --name=value"
        name, value = match[1], match[2] or ""
        if parameter := template.parameters.get(name):
            return parameter.mismatch(value) or self._refusal(value)
        if name not in LAUNCH_OPTIONS:
            return "Refused: neither a parameter of the template's metadata nor an option of the launch environment"
        return self._refusal(value)

    def _refusal(self, value: str) -> str | None:
        """Return why a value is refused: it names a file outside of Cloud Storage and the known folders."""
        value = value.strip()
        if scheme := _SCHEME.match(value):
            if scheme[1] == "gs" and value.startswith("gs://"):
                return None
            return f"Refused: only gs:// is allowed, not {scheme[1]}:"
        if "\0" in value:
            return "Refused: it holds a NUL character"
        if ".." in value.split("/"):
            return "Refused: a path must not hold .."
        if value.startswith("~") or (value.startswith("/") and not self._is_owned(value)):
            known = ", ".join(map(str, self._folders)) or "no folder"
            return f"Refused: of this machine's files, jobs may use those in {known}; give gs://"
        return None

    def _is_owned(self, path: str) -> bool:
        """Tell whether a path, and all that it matches where it is a pattern, leads into the known folders."""
        matches = glob.iglob(path, recursive=True, include_hidden=True)  # noqa: PTH207 - takes any pattern
        return self._leads_inside(path) and all(map(self._leads_inside, matches))

    def _leads_inside(self, path: str) -> bool:
        return any(Path(path).resolve().is_relative_to(folder) for folder in self._folders)


def _options_of(environment: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    for field in ENVIRONMENT_FIELDS:
        if isinstance(value := environment.get(field), str):
            yield field, value
