"""Health check of one of Airflow's services, as Airflow itself reports it: exit code 0 when it is healthy."""

import json
import os
import sys
import urllib.request

if __name__ == "__main__":
    report_url = os.environ["AIRFLOW__CORE__EXECUTION_API_SERVER_URL"].replace("/execution/", "/api/v2/monitor/health")
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    with opener.open(report_url, timeout=5) as answer:
        report = json.load(answer)
    status = report.get(sys.argv[1], {}).get("status")
    sys.exit(None if status == "healthy" else f"{sys.argv[1]} is {status}")
