"""What the contract's cases are made of: what a case is, whom it is proven on, and the words it proves with.

Needs httpx and Pillow (the extra `contract`); the contract's models know nothing of this.
"""
