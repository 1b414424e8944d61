"""The console command `logline`: a log read on this machine, and the pipeline run from afar.

It speaks Airflow's REST API and Cloud Storage's, and needs neither Airflow nor Beam.
"""
