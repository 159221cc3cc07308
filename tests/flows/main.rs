//! Whole flows over the core's ports in memory: no process, no network, and time passes at once.
//!
//! | module | the flow |
//! |---|---|
//! | `deliveries` | delivered log files in, mails out |
//! | `audits` | credential reports in, one mail over all accounts out |
//! | `backfills` | past log files in, one digest out |
//! | `missed_deliveries` | the nightly check for missed deliveries |

mod audits;
mod backfills;
mod deliveries;
mod missed_deliveries;
