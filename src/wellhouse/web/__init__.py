"""Our own pages inside Superset, and the gate in front of every page of Superset and Airflow (both are Flask)."""
