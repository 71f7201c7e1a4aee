//! Does it end those it was told of, and nobody else?

use std::io::ErrorKind;
use std::path::Path;
use std::process::{Child, Command, Stdio};

use super::Watcher;

#[test]
fn one_that_its_user_has_ended_is_let_be() {
    let folder = std::env::temp_dir().join(format!("watched-{}", std::process::id()));
    std::fs::create_dir(&folder).unwrap();
    let mut watcher = Watcher::start(&folder, Path::new("/nonexistent")).unwrap();
    let [mut first, mut ended, mut last] = [sleeper(), sleeper(), sleeper()];
    for child in [&first, &ended, &last] {
        watcher.also_end(child.id()).unwrap();
    }
    watcher.forget(ended.id()).unwrap();
    // Its user dies.
    drop(watcher.shell.stdin.take());
    watcher.shell.wait().unwrap();
    let left_be = ended.try_wait().unwrap().is_none();
    let _ = ended.kill();
    ended.wait().unwrap();
    assert!(left_be, "it ended what may be somebody else's by now");
    for child in [&mut first, &mut last] {
        assert!(!child.wait().unwrap().success());
    }
    assert_eq!(folder.metadata().unwrap_err().kind(), ErrorKind::NotFound);
}

fn sleeper() -> Child {
    Command::new("sleep").arg("60").stdin(Stdio::null()).spawn().unwrap()
}
