//! What is particular to `RocketLawyerCredential`: its facts, how its token is issued, how its status looks.
