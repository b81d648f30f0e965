"""What one mocked world holds."""
