"""Logline's side of Airflow: settings, planning, and the few operators the Google provider does not have."""

__version__ = "0.1.0"
