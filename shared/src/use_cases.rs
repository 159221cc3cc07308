//! The use cases: one file for each flow, with its details in the folder of the same name.

mod audit;
mod backfill;
mod credential_report;
mod log_file_reader;
mod missed_deliveries;
mod notify;
mod previous_findings;
mod sign_ins;

pub use audit::Audited;
pub use backfill::{
    BackfillProgress, BackfillStatus, BackfillStop, Backfilled, ReadLogFile, Unplanned, backfill,
    backfill_status, plan, scan,
};
pub use credential_report::audit_credentials;
pub use log_file_reader::RecordConsumer;
pub use missed_deliveries::{MissedDeliveriesResult, read_missed};
pub use notify::{NotificationOutcome, NotificationResult};
pub use previous_findings::Previous;
pub use sign_ins::{Delivered, Trigger, process_deliveries, process_messages};
