//! Past log files in, one digest out.

mod dividing;
mod folders;
mod listing;
mod planning;
mod scanning;

pub use planning::{Unplanned, plan};
pub use scanning::{Scanned, Skipped, scan};
