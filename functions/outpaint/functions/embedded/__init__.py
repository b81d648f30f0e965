"""The service on one machine: in-memory and SQLite adapters, painting threads and an ASGI server."""
