"""Clouds on this machine, for development: template.yaml in ministack, or the built package under Lambda's runtime.

Not part of what is installed or deployed. `python -m local_cloud --help`; docs/architecture.md says what it can show
and what it cannot.
"""
