//! The AWS adapters (`shared/aws`) against an emulated AWS on this machine.

mod fleet;
mod iam_reader;
mod listings;
mod state_store;
