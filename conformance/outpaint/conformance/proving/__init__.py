"""What the contract's cases are made of: the decorator `case`, the `Api` that sends requests, and checks of answers.

Needs httpx and Pillow (the extra `contract`).
"""
