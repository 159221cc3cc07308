//! Past log files in, one digest out.

mod digest;
mod dividing;
mod folders;
mod keeping;
mod listing;
mod planning;
mod scanning;

pub use planning::{Unplanned, plan};
pub use scanning::{Scanned, Skipped, scan};
