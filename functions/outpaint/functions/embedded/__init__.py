"""The service on one machine: in-memory and SQLite adapters, painting threads, an ASGI server, a command line."""
