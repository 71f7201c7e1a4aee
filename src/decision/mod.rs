//! Must this token be replaced now, and why? Pure: no client, runtime, clock or logger.
