"""``dashboards/`` brought to a running Superset over its REST API; nothing here imports Superset itself."""
