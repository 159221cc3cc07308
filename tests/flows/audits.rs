//! Credential reports in, one mail over all accounts out: the whole flow over the core's ports in memory.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "clippy allows them in `#[test]` functions, not in what they call"
)]

mod accounts;
mod faults;
mod fetching;
mod notifying;

use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use iamwatch_tests::memory::{Clock, World};
use shared::config::Config;
use shared::formats::events::audit::Audit;
use shared::formats::events::audit::AuditRequest;
use shared::use_cases::{Audited, audit_credentials};

const OWN: &str = "111122223333";

/// When the first report was made, and when it is looked at.
const MADE: &str = "2026-04-01T08:00:00Z";
const NOW: &str = "2026-04-01T08:15:00Z";

fn at(time: &str) -> DateTime<Utc> {
    time.parse().unwrap()
}

/// Some hours after the first look.
fn hours_later(hours: i64) -> String {
    (at(NOW) + TimeDelta::hours(hours)).to_rfc3339()
}

/// A report in which root is as it should be, and each of these users has a console password: `alice` one without
/// a second factor, `alice+mfa` one with it.
fn report(account: &str, users: &[&str]) -> String {
    let mut csv = "user,arn,user_creation_time,password_enabled,password_last_used,password_last_changed,password_next_rotation,mfa_active,\
        access_key_1_active,access_key_1_last_rotated,access_key_1_last_used_date,access_key_1_last_used_region,access_key_1_last_used_service,\
        access_key_2_active,access_key_2_last_rotated,access_key_2_last_used_date,access_key_2_last_used_region,access_key_2_last_used_service,\
        cert_1_active,cert_1_last_rotated,cert_2_active,cert_2_last_rotated\n"
        .to_owned();
    let none = "false,N/A,N/A,N/A,N/A,false,N/A,N/A,N/A,N/A,false,N/A,false,N/A";
    csv += &format!(
        "<root_account>,arn:aws:iam::{account}:root,2020-01-01T00:00:00Z,not_supported,2025-01-01T00:00:00Z,not_supported,not_supported,true,{none}"
    );
    for user in users {
        let (name, mfa) = user.strip_suffix("+mfa").map_or((*user, false), |name| (name, true));
        csv += &format!(
            "\n{name},arn:aws:iam::{account}:user/{name},2026-03-01T00:00:00Z,true,2026-03-31T08:00:00Z,2026-03-01T00:00:00Z,N/A,{mfa},{none}"
        );
    }
    csv
}

/// Time that passes when nothing else happens.
fn run<T>(test: impl AsyncFnOnce() -> T) -> T {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build();
    runtime.unwrap().block_on(test())
}

/// A run of the schedule, whose message came for the n-th time.
async fn scheduled(world: &World, now: &str, receives: u32, config: &Config) -> Audited {
    let clock = Clock::new(at(now), Duration::from_secs(300));
    let audit = Audit::Scheduled { asked: at(now), receives };
    audit_credentials(&audit, config, &world.accounts, &world.outside(&clock)).await.unwrap()
}

/// The first try of a run over the own account.
async fn look(world: &World, now: &str) -> Audited {
    scheduled(world, now, 1, &Config::default()).await
}

async fn by_hand(world: &World, now: &str, request: AuditRequest) -> Audited {
    let clock = Clock::new(at(now), Duration::from_secs(300));
    let audit = Audit::ByHand(request);
    audit_credentials(&audit, &Config::default(), &world.accounts, &world.outside(&clock)).await.unwrap()
}

fn settings(settings: &[(&str, &str)]) -> Config {
    let value =
        |name: &str| settings.iter().find(|(set, _)| *set == name).map(|(_, value)| (*value).to_owned());
    Config::from_lookup(value).unwrap()
}
