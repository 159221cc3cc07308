//! The events that Lambda passes to the functions.

pub mod audit;
pub mod backfill;
pub mod delivery;
pub mod queue;
