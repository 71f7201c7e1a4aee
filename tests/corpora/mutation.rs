//! What is near a file of a corpus? Bytes changed, taken out, doubled, brought in from another file, and words that parsers
//! stumble over. The same from the same seed.

use std::fmt::Write as _;
use std::ops::Range;

use fastrand::Rng;

/// Makes mutants of files.
pub struct Mutator {
    rng: Rng,
    files: Vec<Vec<u8>>,
}

/// Longer ones only take time.
const LONGEST: usize = 4096;
/// At most so many changes make one mutant.
const CHANGES: usize = 4;
/// Bytes that end something, begin something, or cannot be.
const BYTES: &[u8] = b"\"\\{}[]:,.-+0179eE \n\r\t\0\x7f\x80\xff\xc3.=hms";
const WORDS: [&str; 24] = [
    "null",
    "true",
    "-1",
    "0",
    "1e308",
    "1e-9",
    "9223372036854775807",
    "-9223372036854775808",
    "18446744073709551616",
    "99999999h",
    "\\u0000",
    "\\ud800",
    "\u{202e}",
    "\u{feff}",
    "{}",
    "[]",
    "\"\"",
    "[[[[[[[[",
    "0001-01-01T00:00:00Z",
    "9999-12-31T23:59:59.999999999Z",
    "\"access_token\":",
    "\"expires_in\":",
    "\"exp\":",
    "\"iat\":",
];

impl Mutator {
    /// One that makes the same mutants of the same files, in the same order.
    pub fn new(seed: u64, files: Vec<Vec<u8>>) -> Self {
        Self { rng: Rng::with_seed(seed), files }
    }

    /// The next.
    pub fn mutant(&mut self) -> Vec<u8> {
        let mut bytes = self.any_file().to_vec();
        for _ in 0..self.rng.usize(1..=CHANGES) {
            self.change(&mut bytes);
        }
        bytes.truncate(LONGEST);
        bytes
    }

    fn change(&mut self, bytes: &mut Vec<u8>) {
        let range = self.range(bytes.len());
        match self.rng.usize(0..8) {
            0 if !range.is_empty() => bytes[range.start] ^= 1 << self.rng.u8(0..8),
            1 if !range.is_empty() => bytes[range.start] = BYTES[self.rng.usize(0..BYTES.len())],
            2 => bytes.insert(range.start, BYTES[self.rng.usize(0..BYTES.len())]),
            3 => {
                bytes.drain(range);
            }
            4 => bytes.truncate(range.start),
            5 => {
                let again = bytes[range.clone()].to_vec();
                bytes.splice(range.end..range.end, again);
            }
            6 => {
                let other = self.any_file().to_vec();
                let part = self.range(other.len());
                bytes.splice(range, other[part].iter().copied());
            }
            _ => {
                let word = WORDS[self.rng.usize(0..WORDS.len())];
                bytes.splice(range, word.bytes());
            }
        }
    }

    fn any_file(&mut self) -> &[u8] {
        let number = self.rng.usize(0..self.files.len());
        &self.files[number]
    }

    /// Short ones more often than long ones.
    fn range(&mut self, length: usize) -> Range<usize> {
        let start = self.rng.usize(0..=length);
        let most = (length - start).min(1 << self.rng.usize(0..8));
        start..start + self.rng.usize(0..=most)
    }
}

/// As `printf` takes it.
pub fn escaped(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, byte| {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b' ' | b'{' | b'}' | b'"' | b':' | b',' => {
                text.push(char::from(*byte));
            }
            _ => {
                let _ = write!(text, "\\{byte:03o}");
            }
        }
        text
    })
}

#[test]
fn the_same_seed_makes_the_same_mutants_and_they_differ() {
    let files = vec![b"{\"a\":1}".to_vec(), b"1h30m".to_vec()];
    let of = |seed| {
        let mut mutator = Mutator::new(seed, files.clone());
        (0..500).map(|_| mutator.mutant()).collect::<Vec<_>>()
    };
    let mutants = of(1);
    assert_eq!(mutants, of(1));
    assert_ne!(mutants, of(2));
    let distinct: std::collections::BTreeSet<_> = mutants.iter().collect();
    assert!(distinct.len() > 350, "{} of 500", distinct.len());
    assert!(mutants.iter().filter(|mutant| files.contains(mutant)).count() < 100);
    assert_eq!(escaped(b"a%\n\"'"), "a\\045\\012\"\\047");
}
