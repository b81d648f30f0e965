"""The wire contract of the outpainting API: what is sent, what is answered, and the states in between.

Imports pydantic and the standard library only, so that a client, a mock or a test can depend on it alone.
"""
