"""What runs one invocation: the journal of what is known, the checkpointer, operation ids, suspension."""
