"""The operations, one module each: what the journal says of a call, and what moves it on."""
