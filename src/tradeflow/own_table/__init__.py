"""What the command line does with anyone's own table: read it, run the stage on it, write the result beside it."""
