//! Past log files in, one digest out.

mod dividing;
mod folders;
mod listing;
mod planning;
mod scanning;

pub(super) use listing::Lister;
pub use planning::{Unplanned, plan};
pub(super) use scanning::{Open, of_listed, page};
pub use scanning::{Scanned, Skipped, scan};
