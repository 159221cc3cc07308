//! The use cases, whole.

mod audit;
mod backfill;
mod log_file_reader;
mod missed_deliveries;
mod notify;
mod sign_ins;

pub use audit::{Audited, audit_credentials};
pub use backfill::{Backfilled, Progress, Scanned, Skipped, Unplanned, backfill, plan, scan};
pub use log_file_reader::Reader;
pub use missed_deliveries::{Swept, read_missed};
pub use notify::{Mailed, Outcome};
pub use sign_ins::{Asked, Delivered, process_deliveries, process_messages};
