//! The exit codes of both executables, in one table.
//!
//! Always so: a code that is documented here is never given another meaning.

use std::process::ExitCode;

/// How a program ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Exit {
    /// 0: all is done.
    Done,
    /// 1: the work itself failed: a step, a flow, a check that found something.
    Failed,
    /// 2: arguments, an input or a file are wrong.
    BadInput,
    /// 3: something outside did not answer or refused: the API, Windmill, the database, a port.
    Unavailable,
    /// 130: ended by Ctrl-C.
    Interrupted,
    /// 143: ended by SIGTERM, or because the parent process ended.
    Terminated,
}

impl Exit {
    /// The number that the shell sees.
    pub const fn code(self) -> u8 {
        match self {
            Self::Done => 0,
            Self::Failed => 1,
            Self::BadInput => 2,
            Self::Unavailable => 3,
            Self::Interrupted => 130,
            Self::Terminated => 143,
        }
    }
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit.code())
    }
}
