//! The rules over a report, in a second and plain implementation that shares no line with the timed one.

use std::collections::BTreeMap;

use anyhow::{Context, ensure};
use chrono::{DateTime, TimeDelta, Utc};

/// How many findings each rule raises, with every setting at its default.
pub fn judged(csv: &str, generated: DateTime<Utc>) -> anyhow::Result<BTreeMap<String, u64>> {
    let mut reader = csv::Reader::from_reader(csv.as_bytes());
    let mut counts = BTreeMap::new();
    for row in reader.deserialize() {
        let row: BTreeMap<String, String> = row?;
        for rule in raised(&row, generated)? {
            *counts.entry(rule.to_owned()).or_default() += 1;
        }
    }
    Ok(counts)
}

/// The rules that one row raises, once for each credential.
fn raised(row: &BTreeMap<String, String>, generated: DateTime<Utc>) -> anyhow::Result<Vec<&'static str>> {
    let cell = |column: &str| row.get(column).map(String::as_str).with_context(|| format!("no {column}"));
    let yes = |column: &str| cell(column).map(|text| text == "true");
    // `None` for the words that mean "no date".
    let date = |column: &str| -> anyhow::Result<Option<DateTime<Utc>>> {
        Ok(cell(column)?.parse::<DateTime<Utc>>().ok())
    };
    let older = |date: Option<DateTime<Utc>>, days: i64| {
        date.is_some_and(|date| generated - date >= TimeDelta::days(days + 1))
    };
    let unused = |date: Option<DateTime<Utc>>, days: i64| {
        date.is_some_and(|date| generated - date >= TimeDelta::days(days))
    };
    if cell("user")? == "<root_account>" {
        ensure!(
            yes("mfa_active")?
                && !yes("access_key_1_active")?
                && cell("password_last_used")? == "no_information",
            "of root only what is as it should be is judged here"
        );
        return Ok(Vec::new());
    }
    let mut rules = Vec::new();
    let password = yes("password_enabled")?;
    // When each thing was last used; what never was, when it was made.
    let mut uses = vec![date("access_key_1_last_used_date")?, date("access_key_2_last_used_date")?];
    if password {
        let (changed, used) = (date("password_last_changed")?, date("password_last_used")?);
        uses.push(used.or(changed));
        if !yes("mfa_active")? {
            rules.push("password.mfa-disabled");
        }
        if unused(used, 45) {
            rules.push("password.unused");
        }
        if used.is_none() && unused(changed, 45) {
            rules.push("password.never-used");
        }
        match date("password_next_rotation")? {
            Some(next) if next <= generated => rules.push("password.expired"),
            Some(next) if next <= generated + TimeDelta::days(15) => rules.push("password.expiring"),
            _ => {}
        }
    }
    let mut active_keys = 0;
    for n in [1, 2] {
        if yes(&format!("access_key_{n}_active"))? {
            active_keys += 1;
            let made = date(&format!("access_key_{n}_last_rotated"))?;
            let used = date(&format!("access_key_{n}_last_used_date"))?;
            uses.push(used.or(made));
            if older(made, 90) {
                rules.push("access-key.unrotated");
            }
            if unused(used, 45) {
                rules.push("access-key.unused");
            }
            if used.is_none() && unused(made, 45) {
                rules.push("access-key.never-used");
            }
        }
        if yes(&format!("cert_{n}_active"))? {
            rules.push("certificate.active");
            if older(date(&format!("cert_{n}_last_rotated"))?, 90) {
                rules.push("certificate.unrotated");
            }
        }
    }
    if active_keys == 2 {
        rules.push("access-key.two-active");
    }
    if password && active_keys > 0 {
        rules.push("user.password-and-key");
    }
    if (password || active_keys > 0) && unused(uses.into_iter().flatten().max(), 90) {
        rules.push("user.idle");
    }
    Ok(rules)
}
