//! What people and programs receive: mails (golden files in `snapshots/mails/`), the HTML report, OCSF.

mod mails;
mod ocsf;
mod page;
