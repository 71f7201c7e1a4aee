use std::fs;

use super::{DataFolder, sweep};

#[test]
fn what_a_killed_watcher_left_is_removed_and_what_is_in_use_stays() {
    let in_use = DataFolder::create().unwrap();
    let left = std::env::temp_dir().join(format!("{}left-{}", DataFolder::PREFIX, std::process::id()));
    fs::create_dir(&left).unwrap();
    fs::write(left.join("data"), "").unwrap();
    fs::write(left.with_extension("lock"), "").unwrap();

    sweep();

    assert!(!left.exists() && !left.with_extension("lock").exists(), "{}", left.display());
    assert!(in_use.path().exists() && in_use.lock_path().exists(), "{}", in_use.path().display());
    in_use.remove();
    assert!(!in_use.path().exists() && !in_use.lock_path().exists());
}
