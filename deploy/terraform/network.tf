# Workers have no public addresses: Private Google Access leads them to Google's APIs and to their images.

locals {
  create_network = var.subnetwork == null
  # What LOGLINE_SUBNETWORK takes.
  subnetwork = local.create_network ? "regions/${var.region}/subnetworks/${one(google_compute_subnetwork.workers[*].name)}" : var.subnetwork
}

resource "google_compute_network" "workers" {
  count = local.create_network ? 1 : 0

  name                    = "logline"
  auto_create_subnetworks = false

  depends_on = [google_project_service.apis]
}

resource "google_compute_subnetwork" "workers" {
  count = local.create_network ? 1 : 0

  name                     = "logline"
  network                  = google_compute_network.workers[0].id
  region                   = var.region
  ip_cidr_range            = var.subnetwork_range
  private_ip_google_access = true
}

# Streaming Engine and Dataflow Shuffle do without it; jobs that use neither shuffle between workers on these ports.
resource "google_compute_firewall" "workers" {
  count = local.create_network ? 1 : 0

  name        = "logline-dataflow-workers"
  network     = google_compute_network.workers[0].id
  description = "Dataflow's workers among themselves"
  direction   = "INGRESS"
  source_tags = ["dataflow"]
  target_tags = ["dataflow"]

  allow {
    protocol = "tcp"
    ports    = ["12345-12346"]
  }
}

resource "google_compute_router" "nat" {
  count = local.create_network && var.nat ? 1 : 0

  name    = "logline"
  network = google_compute_network.workers[0].id
  region  = var.region
}

resource "google_compute_router_nat" "nat" {
  count = local.create_network && var.nat ? 1 : 0

  name                               = "logline"
  router                             = google_compute_router.nat[0].name
  region                             = var.region
  nat_ip_allocate_option             = "AUTO_ONLY"
  source_subnetwork_ip_ranges_to_nat = "LIST_OF_SUBNETWORKS"

  subnetwork {
    name                    = google_compute_subnetwork.workers[0].id
    source_ip_ranges_to_nat = ["ALL_IP_RANGES"]
  }
}
