"""The command line: its commands, the programs that they start, and what they print."""
