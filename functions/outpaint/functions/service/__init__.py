"""The rules: accounts, rate limit, credits, idempotency, submit, result, settle, sweep.

Plain code over small ports; nothing here sleeps, opens a socket or knows which host it runs in.
"""
