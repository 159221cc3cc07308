//! The use cases, whole.

mod audit;
mod backfill;
mod credential_report;
mod log_file_reader;
mod missed_deliveries;
mod notify;
mod previous_findings;
mod sign_ins;

pub use audit::Audited;
pub use backfill::{Backfilled, Progress, Scanned, Skipped, Unplanned, backfill, plan, scan};
pub use credential_report::audit_credentials;
pub use log_file_reader::Reader;
pub use missed_deliveries::{Swept, read_missed};
pub use notify::{NotificationOutcome, NotificationResult};
pub use previous_findings::Previous;
pub use sign_ins::{Asked, Delivered, process_deliveries, process_messages};
