//! The tokio runtime of `pub` and `sub`.
//!
//! One worker besides the calling thread: writing to a slow stdout blocks the caller, and keep
//! alive must go on meanwhile.

use std::future::Future;
use std::process::ExitCode;

use super::connection::FAILED;
use super::output::complain;

/// Runs a command to its end.
pub(super) fn block_on(command: impl Future<Output = ExitCode>) -> ExitCode {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(1)
        .enable_all()
        .build();
    match runtime {
        Ok(runtime) => {
            let code = runtime.block_on(command);
            runtime.shutdown_background();
            code
        }
        Err(why) => {
            complain(&format!("cannot start: {why}"));
            ExitCode::from(FAILED)
        }
    }
}
