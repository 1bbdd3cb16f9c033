//! The definitions of the command line are sound; what it prints is tested with the program.

use clap::CommandFactory;

use super::*;

#[test]
fn the_definitions_are_sound() {
    Command::command().debug_assert();
}
