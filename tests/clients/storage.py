"""Clients of Cloud Storage."""

from tests.clients.case import Client, Workspace, program

GCLOUD = Client("gcloud storage", "Cloud Storage", program("gcloud", "version"))

CLIENTS = (GCLOUD,)


@GCLOUD.case("cp, cat")
def copies(work: Workspace) -> None:
    work.run("gcloud", "storage", "buckets", "create", f"gs://{work.name}")
    work.run("gcloud", "storage", "cp", work.file("a.txt", "caf\u00e9\n"), f"gs://{work.name}/a.txt")
    assert work.run("gcloud", "storage", "cat", f"gs://{work.name}/a.txt") == "caf\u00e9\n"
