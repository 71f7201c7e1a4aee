//! What may others see of this process? Nothing of its memory: no core dump, no debugger, no `/proc` for its own user. Called
//! once, before anything secret is read.

use std::io;

use rustix::process::{DumpableBehavior, Resource, Rlimit, set_dumpable_behavior, setrlimit};

/// Keeps what is in memory there (behaviour §6.5).
pub fn hide_memory() -> io::Result<()> {
    // Both limits: what only the soft one forbids can be allowed again.
    setrlimit(Resource::Core, Rlimit { current: Some(0), maximum: Some(0) })?;
    // A core pattern that pipes into a program heeds no limit, but does heed this; so do debuggers and /proc/<pid>/mem.
    set_dumpable_behavior(DumpableBehavior::NotDumpable)?;
    Ok(())
}
