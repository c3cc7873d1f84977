"""The review desk: people look at a batch's photos and faces, and decide. A FastAPI app; it knows no Airflow."""
