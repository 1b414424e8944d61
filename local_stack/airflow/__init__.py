"""What points Airflow at the emulators; the folder is on Airflow's PYTHONPATH in the local stack."""
