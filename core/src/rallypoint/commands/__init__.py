"""Bodies of the command line's commands, imported when one is called."""
