"""The mock kit: the service itself over memory, with time and trouble under the test's control."""
