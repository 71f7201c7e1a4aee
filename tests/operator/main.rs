//! What does the operator do, as a process of its own with the chart's rights, on a real API server? One module per promise.
#![expect(clippy::expect_used, reason = "a test says what it expected")]
#![expect(unreachable_pub, reason = "nothing of a test program can be reached from outside")]

mod all_fail_together;
mod api_proxy;
mod api_server_away;
mod api_server_misbehaves;
mod clocks;
mod collisions;
mod consent;
mod crashes;
mod credential;
mod drift;
mod endpoints;
mod fattest_objects;
mod hardening;
mod hostile_answers;
mod hostile_objects;
mod many_requests;
mod memory;
mod memory_search;
mod nothing_without_cause;
mod outages;
mod ownership;
mod pace;
mod process;
mod references;
mod refused_writes;
mod replay;
mod replay_catches;
mod revoked_rights;
mod rights;
mod scoped_token;
mod secrets_stay_secret;
mod server;
mod slow_webhook;
mod sources;
mod stale_lists;
mod told;
mod trap;
mod watches_cut;
mod witness;
mod world;
