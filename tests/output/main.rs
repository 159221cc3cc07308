//! What people and programs receive: mails (golden files in `snapshots/mails/`), the HTML report, OCSF.

mod html_report;
mod mails;
mod ocsf;
