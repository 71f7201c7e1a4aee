//! What can be wrong, and what to do instead: one line per rule.

use std::fmt;

/// The rules. Numbers in comments: ARCHITECTURE.md, "The rules".
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Rule {
    /// 1: `api`, `decision`, `state`, the queue and gates.
    PureCore,
    /// 1: only `clock.rs`.
    OneClock,
    /// 1: what the operator is made of.
    NobodySetsTheClock,
    /// 2: `auth`.
    AuthKnowsNoKubernetes,
    /// 2: `cluster`.
    ClusterKnowsNoAuthentication,
    /// 2: `credential` and `scoped_token`.
    KindsStayApart,
    /// 2: the kinds' `issue` and `operator`.
    OnlyIssueAndLoopJoin,
    /// 2: `emulator`.
    EmulatorSharesWireOnly,
    /// The programs parse, call, exit.
    ProgramsAreThin,
    /// 4.
    FilesAreShort,
    /// 4.
    FunctionsAreShort,
    /// 4.
    ModulesHaveNames,
    /// 4.
    TestsAreSiblings,
    /// 8.
    FilesSayTheirQuestion,
    /// The parser gave up.
    Unreadable,
}

impl Rule {
    pub(crate) const ALL: [Self; 15] = [
        Self::PureCore,
        Self::OneClock,
        Self::NobodySetsTheClock,
        Self::AuthKnowsNoKubernetes,
        Self::ClusterKnowsNoAuthentication,
        Self::KindsStayApart,
        Self::OnlyIssueAndLoopJoin,
        Self::EmulatorSharesWireOnly,
        Self::ProgramsAreThin,
        Self::FilesAreShort,
        Self::FunctionsAreShort,
        Self::ModulesHaveNames,
        Self::TestsAreSiblings,
        Self::FilesSayTheirQuestion,
        Self::Unreadable,
    ];

    fn instead(self) -> &'static str {
        match self {
            Self::PureCore => {
                "api, decision, state, the queue and the gates know no client, runtime, clock or logger: \
                 take what is needed as a value (`now` too), return what should happen, and let `operator` do it"
            }
            Self::OneClock => {
                "only src/clock.rs reads the wall clock: take `now: Timestamp` as an argument; a shell asks `clock::now()`"
            }
            Self::NobodySetsTheClock => {
                "only testing/stepped-clock sets its clock: a test of the library passes another `now`"
            }
            Self::AuthKnowsNoKubernetes => {
                "auth knows no Kubernetes: take plain values, and let the kind's `issue` read them from the cluster's types"
            }
            Self::ClusterKnowsNoAuthentication => {
                "cluster knows no authentication: take the token types of src/token.rs, and let the kind's `issue` join the two"
            }
            Self::KindsStayApart => {
                "credential and scoped_token do not import each other: put what both need into decision or state"
            }
            Self::OnlyIssueAndLoopJoin => {
                "only a kind's `issue` and `operator` may use both auth and cluster: split the file, or move the joining part there"
            }
            Self::EmulatorSharesWireOnly => {
                "emulator uses auth::wire and clock only, so that it cannot agree with a mistake of the client: write it out there"
            }
            Self::ProgramsAreThin => "a program parses, calls and exits: move the work into the library",
            Self::FilesAreShort => "files stay under 400 lines: split by question, one `//!` sentence each",
            Self::FunctionsAreShort => "functions stay under 60 lines: name its steps and call them",
            Self::ModulesHaveNames => {
                "no module is named utils, common, helpers, misc or manager: name the question it answers"
            }
            Self::TestsAreSiblings => {
                "tests live in a sibling file: `#[cfg(test)] mod tests;` with tests.rs beside it, or in tests/"
            }
            Self::FilesSayTheirQuestion => {
                "begin the file with a `//!` sentence: which question it answers and what it may not touch"
            }
            Self::Unreadable => "make it parse",
        }
    }
}

/// One breach.
#[derive(Debug)]
pub(crate) struct Violation {
    pub(crate) path: String,
    pub(crate) line: usize,
    pub(crate) rule: Rule,
    pub(crate) what: String,
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { path, line, rule, what } = self;
        write!(f, "{path}:{line}: [{rule:?}] {what}. Instead: {}", rule.instead())
    }
}
