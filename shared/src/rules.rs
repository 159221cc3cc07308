//! Every rule: detections over records, checks over configuration, and what iamwatch says about its own health.

pub mod checks;
pub mod detections;
pub mod health;
pub mod log_file;
pub mod registry;
