"""Measures of a running installation, rules over them, alerts to people: outside Airflow, under the supervisor."""
