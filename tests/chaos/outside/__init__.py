"""Chaos from outside: a whole stack with a real Airflow under a seeded schedule of faults, held against an oracle.

``make chaos MINUTES=60 SEED=7``. It knows the stack by its processes, its ports and the public APIs alone.

| module | what it does |
|---|---|
| `schedule.py` | a seed becomes the list of all faults and of all changes of files |
| `victims.py` | the processes of the stack, by name |
| `proxy.py` | a proxy on loopback before each server, whose links are slow or fail |
| `faults.py` | carries out one event of the schedule |
| `operator.py` | what a person on call would do meanwhile |
| `recovery.py` | when a part is up again after a fault |
| `lines.py`, `traffic.py` | numbered lines, published and dropped into the bucket |
| `oracle.py` | what the tables have to hold, and what they do hold |
| `rest.py` | everything comes to rest |
| `report.py` | the outcome as text and as a plot |
"""
