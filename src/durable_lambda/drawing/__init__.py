"""The operations of an execution as text: a tree, and the words for how each of them stands. Pure; below whoever shows
it, the command line and the testing kit."""
