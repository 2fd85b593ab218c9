"""Functions that live elsewhere: the engine reaches them, or they reach the engine, over HTTP."""
