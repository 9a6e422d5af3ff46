"""Alarms and scores in a database: SQLite, PostgreSQL, or what else SQLAlchemy speaks to."""
