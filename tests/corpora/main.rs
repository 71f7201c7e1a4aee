//! Does everything that the fuzzer ever found worth keeping still get an answer? Replays its committed corpora; `make fuzz`
//! goes on from them.
#![expect(unreachable_pub, reason = "nothing of a test program can be reached from outside")]

#[path = "../../fuzz/src/lib.rs"]
mod targets;

use std::path::Path;

/// Fewer files are no corpus.
const FEWEST: usize = 10;

#[test]
fn every_corpus_file_is_answered() {
    let corpora = Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz/corpus");
    for (name, target) in targets::ALL {
        let folder = corpora.join(name);
        let mut files: Vec<_> = std::fs::read_dir(&folder)
            .unwrap_or_else(|error| panic!("{}: {error}", folder.display()))
            .map(|entry| entry.expect("an entry").path())
            .collect();
        files.sort();
        assert!(files.len() >= FEWEST, "{name}: {} files", files.len());
        for file in files {
            let bytes = std::fs::read(&file).expect("a file");
            let answered = std::panic::catch_unwind(|| target(&bytes));
            assert!(answered.is_ok(), "{}: what must hold of {name} does not", file.display());
        }
    }
}

#[test]
fn every_target_is_run_by_the_fuzzer() {
    let manifest = include_str!("../../fuzz/Cargo.toml");
    for (name, _) in targets::ALL {
        assert!(manifest.contains(&format!("path = \"fuzz_targets/{name}.rs\"")), "{name}");
    }
    assert_eq!(manifest.matches("[[bin]]").count(), targets::ALL.len());
}
