//! Whatever is read: an answer or an error in words, never a panic, never without end. The inputs are the repository's own
//! files with a few things wrong, see `mutate`. More of them: `PROPTEST_CASES=100000 cargo test --test fuzz`. What servers
//! answer is changed in tests/pipeline/answers.rs and tests/governance/mangled.rs.

#[path = "../support/mutate.rs"]
mod mutate;

mod archives;
mod bombs;
mod files;
