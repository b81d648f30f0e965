"""The rules of the service: accounts, rate limit, credits, idempotency, submitting and ending jobs.

Plain code over the ports in ports.py; nothing here sleeps, opens a socket or knows which host it runs in.
"""
