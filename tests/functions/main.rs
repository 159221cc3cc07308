//! The functions as they are released, each a process under a Runtime API of our own, against an AWS that fails on
//! demand. `make test` builds them first.

mod backfill;
mod credential_report;
mod sign_in;
