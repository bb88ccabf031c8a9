"""What Rallypoint is measured against, written by hand and as fast as one would."""
