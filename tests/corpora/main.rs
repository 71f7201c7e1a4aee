//! Does everything that the fuzzer ever found worth keeping still get an answer, and what is near it? Replays its committed
//! corpora, and the same mutations of them in every run; `make fuzz` goes on from them for longer, and sees where it gets.
#![expect(clippy::expect_used, reason = "a test says what it expected")]
#![expect(unreachable_pub, reason = "nothing of a test program can be reached from outside")]

mod mutation;
#[path = "../../fuzz/src/lib.rs"]
mod targets;

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};

use mutation::Mutator;

/// Fewer files are no corpus.
const FEWEST: usize = 10;
/// So many mutants of each corpus: together a second or two.
const MUTANTS: usize = 3000;
const SEED: u64 = 0x5eed;

#[test]
fn every_corpus_file_is_answered() {
    for (name, target) in targets::ALL {
        for file in files_of(name) {
            let bytes = std::fs::read(&file).expect("a file");
            assert!(holds(target, &bytes), "{}: what must hold of {name} does not", file.display());
        }
    }
}

#[test]
fn every_mutant_of_the_corpora_is_answered() {
    for (name, target) in targets::ALL {
        let seeds: Vec<_> = files_of(name).iter().map(|file| std::fs::read(file).expect("a file")).collect();
        let mut mutator = Mutator::new(SEED, seeds);
        for number in 0..MUTANTS {
            let bytes = mutator.mutant();
            assert!(
                holds(target, &bytes),
                "mutant {number}: what must hold of {name} does not. To keep it: printf '{}' > fuzz/corpus/{name}/found-NN",
                mutation::escaped(&bytes)
            );
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

fn files_of(name: &str) -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz/corpus").join(name);
    let entries = std::fs::read_dir(&folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
    let mut files: Vec<_> = entries.map(|entry| entry.expect("an entry").path()).collect();
    files.sort();
    assert!(files.len() >= FEWEST, "{name}: {} files", files.len());
    files
}

fn holds(target: fn(&[u8]), bytes: &[u8]) -> bool {
    catch_unwind(AssertUnwindSafe(|| target(bytes))).is_ok()
}
