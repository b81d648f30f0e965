"""What a verification found, as a table, JUnit XML, JSON and a page of HTML."""
