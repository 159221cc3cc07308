//! Past log files in, one digest out.

mod digest;
