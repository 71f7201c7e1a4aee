//! What the operator knows, in memory: no I/O, no clock.
