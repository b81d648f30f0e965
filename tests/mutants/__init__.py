"""Mutants: the real service with one small patch each, and the case that must name that fault.

`make mutants` runs the contract's cases, Schemathesis, Specmatic and a Pact on each and prints which noticed.
"""
