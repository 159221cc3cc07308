//! What Lambda hands to the functions.

pub mod backfill;
pub mod delivery;
pub mod schedule;
