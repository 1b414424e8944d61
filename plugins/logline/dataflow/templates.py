"""Container specs of Flex Templates: which image runs a job, and which parameters it takes."""

from __future__ import annotations

import json
from pathlib import Path

from airflow.providers.google.cloud.hooks.gcs import GCSHook

from logline.settings import Settings
from logline.uris import split_uri


def container_spec(settings: Settings, metadata_file: Path) -> str:
    """Return the container spec of the job `metadata_file` is named after, as JSON.

    The launcher's image is the workers' too, so that both always have the same version.

    See https://cloud.google.com/dataflow/docs/guides/templates/configuring-flex-templates
    """
    image = settings.image(metadata_file.stem)
    spec = {
        "image": image,
        "sdkInfo": {"language": "PYTHON"},
        "defaultEnvironment": {"sdkContainerImage": image},
        "metadata": json.loads(metadata_file.read_text(encoding="utf-8")),
    }
    return json.dumps(spec, indent=2)


def upload_template(settings: Settings, metadata_file: Path) -> str:
    """Write the container spec of a job to the bucket and return its `gs://` URI."""
    uri = settings.template_uri(metadata_file.stem)
    bucket, name = split_uri(uri)
    GCSHook().upload(
        bucket_name=bucket,
        object_name=name,
        data=container_spec(settings, metadata_file),
        mime_type="application/json",
    )
    return uri
