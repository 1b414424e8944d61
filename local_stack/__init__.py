"""The local stack: Google Cloud emulators and Airflow on one machine, started, watched and stopped as one.

``python -m local_stack up | down | status | env``
"""
