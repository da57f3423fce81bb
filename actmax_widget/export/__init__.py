"""What can be taken away from a run, made of its pictures and rows alone."""
