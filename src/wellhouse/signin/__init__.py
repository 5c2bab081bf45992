"""Who is signed in, and by which second factor: kept in PostgreSQL, asked at every request of Superset and Airflow."""
