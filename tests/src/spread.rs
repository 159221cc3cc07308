//! The least, middle and greatest of some times, as benchmarks print them.

use std::fmt;
use std::time::Duration;

/// The least, middle and greatest of some times.
pub struct Spread {
    /// The least.
    pub min: Duration,
    /// The middle one, or between the two in the middle.
    pub median: Duration,
    /// The greatest.
    pub max: Duration,
}

impl Spread {
    /// That of these times, of which there must be one.
    pub fn of(mut times: Vec<Duration>) -> Spread {
        times.sort_unstable();
        let last = times.len() - 1;
        Spread { min: times[0], median: (times[last / 2] + times[last.div_ceil(2)]) / 2, max: times[last] }
    }
}

impl fmt::Display for Spread {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Spread { min, median, max } = self;
        write!(f, "median {:.1} ms (min {:.1}, max {:.1})", millis(*median), millis(*min), millis(*max))
    }
}

/// A time in milliseconds.
pub fn millis(time: Duration) -> f64 {
    time.as_secs_f64() * 1e3
}
