"""What a test wants to happen."""
