"""The files of the page on which a person watches and controls a mock; the admin API serves them under /_mock/ui."""
