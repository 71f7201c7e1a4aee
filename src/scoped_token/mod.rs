//! What is particular to `ScopedTokenRequest`: its facts, how its token is issued, how its status looks.
