"""Clients that generators make of openapi.json: each is compiled and asks the mock (`make test-generators`)."""
