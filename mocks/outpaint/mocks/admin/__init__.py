"""The admin API: worlds, scenarios, clock, journal, jobs, sources and the consumer report, under /_mock."""
