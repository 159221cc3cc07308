//! Objects of the state bucket, and how a run reads and changes them.

pub mod backfill;
pub mod budgets;
pub mod case;
pub mod format;
pub mod lease;
pub mod ledger;
pub mod object;
pub mod outbox;
pub mod receipts;
pub mod store;
#[cfg(test)]
mod tests_support;
