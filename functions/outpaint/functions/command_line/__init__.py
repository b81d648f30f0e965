"""The command line, `outpaint`; each command's machinery is imported only when it runs."""
