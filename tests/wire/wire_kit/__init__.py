"""What the wire-behaviour cases stand on: pictures, forms, an API client that checks every answer, providers."""
