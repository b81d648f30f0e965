"""The command line, `outpaint`; what a command needs is imported only when it runs."""
