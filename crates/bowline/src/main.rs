//! The `bowline` program.

use std::process::ExitCode;

use bowline::cli::{publish, subscribe};
use clap::{Parser, Subcommand};

#[derive(Parser)]
#[command(name = "bowline")]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    Pub(publish::PublishArgs),
    Sub(subscribe::SubscribeArgs),
}

fn main() -> ExitCode {
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(why) => {
            let _ = why.print();
            return ExitCode::from(u8::from(why.use_stderr()));
        }
    };
    match cli.command {
        Command::Pub(args) => publish::run(&args),
        Command::Sub(args) => subscribe::run(&args),
    }
}
