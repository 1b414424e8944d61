"""What points the Google Cloud CLI at a stack: `gcloud`, `bq` and `gsutil`.

Its configuration is the stack's own, so neither the user's accounts nor a project of theirs can be reached from a shell
that uses the stack.
"""

from local_stack.config import StackConfig
from local_stack.credentials import access_token_file
from local_stack.private_files import write_private

# gsutil itself talks TLS only; so it runs `gcloud storage`.
_BOTO = "[GSUtil]\nuse_gcloud_storage = True\ndefault_project_id = {project}\n"
# Without these, bq asks for legacy SQL.
_BIGQUERYRC = "project_id = {project}\n\n[query]\nuse_legacy_sql = false\n\n[mk]\nuse_legacy_sql = false\n"


def google_cloud_cli(config: StackConfig) -> dict[str, str]:
    """Return the variables, and write the files that they name."""
    boto, bigqueryrc = config.state_dir / "boto.cfg", config.state_dir / "bigqueryrc"
    write_private(boto, _BOTO.format(project=config.project))
    write_private(bigqueryrc, _BIGQUERYRC.format(project=config.project))
    services = {"BIGQUERY": "bigquery", "DATAFLOW": "dataflow", "STORAGE": "storage"}
    return {
        "CLOUDSDK_CONFIG": str(config.state_dir / "gcloud"),
        "CLOUDSDK_CORE_PROJECT": config.project,
        "CLOUDSDK_AUTH_ACCESS_TOKEN_FILE": str(access_token_file(config)),
        **{f"CLOUDSDK_API_ENDPOINT_OVERRIDES_{name}": f"{config.url(port)}/" for name, port in services.items()},
        "CLOUDSDK_API_ENDPOINT_OVERRIDES_PUBSUB": f"http://{config.pubsub_host}/",
        # It reports to Google, and looks for new versions and for a metadata server, unless told not to.
        "CLOUDSDK_CORE_DISABLE_USAGE_REPORTING": "true",
        "CLOUDSDK_CORE_CHECK_GCE_METADATA": "false",
        "CLOUDSDK_COMPONENT_MANAGER_DISABLE_UPDATE_CHECK": "true",
        "CLOUDSDK_SURVEY_DISABLE_PROMPTS": "true",
        "BIGQUERYRC": str(bigqueryrc),
        "BOTO_CONFIG": str(boto),
    }
