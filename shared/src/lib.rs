//! The core of iamwatch.
