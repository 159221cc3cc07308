//! Credential reports in, one mail over all accounts out.
//!
//! A run looks at each watched account that nobody has looked at since the run was asked for, and writes what
//! stands there into the account's ledger ([`crate::state::ledger`]). Once all are looked at, one mail tells what
//! came, went and came back. A run that has not the time for all is asked for again, and goes on.

mod accounts;
mod by_hand;
mod fetching;
mod report_archive;
mod summary_mail;

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use bytes::Bytes;
use chrono::{DateTime, Utc};
use futures_util::stream::{self, StreamExt};

use super::notify::suppression_file::SuppressionFile;
use super::notify::{Mailed, Notifier, Persistence};
use crate::config::Config;
use crate::finding::CheckOutcome;
use crate::finding::{Finding, Status};
use crate::formats::credential_report::CredentialReport;
use crate::formats::events::audit::Audit;
use crate::formats::events::audit::AuditRequest;
use crate::ports::{AwsError, AwsErrorKind, IamReader, NotificationSink, Ports, Runtime, StateStore};
use crate::rules::checks;
use crate::rules::checks::ReportContext;
use crate::rules::health::account_check_failed;
use crate::severity::Severity;
use crate::state::ledger::Ledger;
use crate::state::store::{Loaded, Object};
use crate::text;

use accounts::Watched;

/// So many objects are read or written at the same time.
const AT_ONCE: usize = 16;

/// So many accounts are looked at at the same time: their reports and findings have to fit into memory.
const LOOKS_AT_ONCE: usize = 8;

/// What is left for telling once looking has to stop; where there is less in all, half of it.
const TIME_TO_TELL: Duration = Duration::from_secs(30);

/// From this receive on, an account that AWS does not answer about is told as one that could not be looked at.
const LATE_RECEIVES: u32 = 3;

/// A report that is older than that, although a new one was asked for, is none: IAM makes a new one after four
/// hours.
///
/// Source: IAM User Guide, "Generate credential reports for your AWS account".
const MAX_REPORT_AGE: Duration = Duration::from_secs(24 * 60 * 60);

/// What a run came to.
#[derive(Debug, Default)]
pub struct Audited {
    /// The accounts that this run has looked at.
    pub accounts: BTreeSet<String>,
    /// How many users their reports are about.
    pub users: u64,
    /// When the oldest and the newest of these reports were made.
    pub generated: Option<(DateTime<Utc>, DateTime<Utc>)>,
    /// How much stands in them, by severity; every severity is there.
    pub findings: BTreeMap<Severity, u64>,
    /// The worst of what stands in them.
    pub listed: Vec<Finding>,
    /// What mails told, by what it is.
    pub told: BTreeMap<Status, u64>,
    /// How many findings a suppression hides.
    pub accepted: u64,
    /// The alerts.
    pub mails: Vec<Mailed>,
    /// The accounts that could not be looked at, and why. It is among the findings.
    pub failed: BTreeMap<String, AwsError>,
    /// The accounts that the next run has to look at, and why this one did not.
    pub to_do: BTreeMap<String, AwsError>,
    /// Why something that was found is not told yet.
    pub untold: Option<AwsError>,
    /// What went wrong with the state bucket, whether or not it was put right since.
    pub state_troubles: Vec<AwsError>,
}

impl Audited {
    /// Why the run has to be asked for again; nothing where all is done.
    pub fn unfinished(&self) -> Option<&AwsError> {
        self.to_do.values().next().or(self.untold.as_ref())
    }
}

impl Object for Ledger {
    fn read(content: &[u8], new: &Ledger) -> Result<Ledger, String> {
        Ledger::read(content, new)
    }

    fn content(&self) -> Result<Vec<u8>, serde_json::Error> {
        Ledger::content(self)
    }
}

/// A report as it was judged.
struct Report {
    judged: CheckOutcome,
    users: u64,
    generated: DateTime<Utc>,
}

/// Why a run does not go on.
enum Halt {
    /// Not all can be told.
    Untold(AwsError),
    /// The request by hand cannot be met.
    Refused(crate::Error),
}

impl From<AwsError> for Halt {
    fn from(trouble: AwsError) -> Halt {
        Halt::Untold(trouble)
    }
}

/// What became of one account.
enum Look {
    /// It was looked at, or it is known and noted why it cannot be.
    Done(Option<AwsError>),
    /// The next run has to.
    ToDo(AwsError),
}

/// Judges the credential reports of the watched accounts, and tells what has changed.
///
/// # Errors
/// [`crate::Error::Input`] where a request by hand cannot be met.
pub async fn audit_credentials<I: IamReader, L, S: StateStore, A: NotificationSink, P: Runtime>(
    audit: &Audit,
    config: &Config,
    iam: &I,
    outside: &Ports<'_, L, S, A, P>,
) -> Result<Audited, crate::Error> {
    let persistence = match audit {
        Audit::Scheduled { receives: LATE_RECEIVES.., .. } => Persistence::Last,
        _ => Persistence::ComesAgain,
    };
    let time_to_tell = TIME_TO_TELL.min(outside.runtime.time_left() / 2);
    let telling = Notifier::new(config, outside, persistence, time_to_tell);
    let (own, audited) = (outside.account, Audited::default());
    let mut run = Run { audit, config, iam, own, time_to_tell, telling, audited };
    run.audited.findings = Severity::ALL.into_iter().map(|severity| (severity, 0)).collect();
    // Boxed: the compiler gives up on laying out what they would be in place.
    match audit {
        Audit::ByHand(request) if request.date.is_some() || !request.notify => {
            Box::pin(run.evaluate(request)).await?;
        }
        _ => Box::pin(run.audit()).await?,
    }
    run.audited.state_troubles = run.telling.state_troubles();
    run.audited.mails = run.telling.mails;
    run.audited.accepted += run.telling.accepted;
    Ok(run.audited)
}

struct Run<'a, I, S, A, P> {
    audit: &'a Audit,
    config: &'a Config,
    iam: &'a I,
    /// The account that iamwatch runs in, where it is known.
    own: Option<&'a str>,
    /// How much of the run's time is left for telling once looking has to stop.
    time_to_tell: Duration,
    telling: Notifier<'a, S, A, P>,
    audited: Audited,
}

impl<I: IamReader, S: StateStore, A: NotificationSink, P: Runtime> Run<'_, I, S, A, P> {
    /// Looks at every account that is still to be looked at, and tells what has changed.
    async fn audit(&mut self) -> Result<(), crate::Error> {
        let accepted = self.telling.load_accepted().await;
        let untold = match &accepted {
            Ok(accepted) => self.look_and_tell(accepted).await,
            Err(trouble) => Err(Halt::Untold(trouble.clone())),
        };
        let untold = match untold {
            Ok(()) => None,
            Err(Halt::Untold(trouble)) => Some(trouble),
            Err(Halt::Refused(error)) => return Err(error),
        };
        // Where the state bucket goes on failing, people are told without memory that nobody knows what has changed.
        let memory = &self.telling.memory;
        let mut troubles = untold.iter().chain(self.audited.to_do.values());
        if let Some(trouble) = troubles.find(|trouble| memory.has_failed_with(trouble)) {
            self.telling.tell(Vec::new(), BTreeSet::new(), Err(trouble)).await;
        }
        self.audited.untold = untold;
        Ok(())
    }

    async fn look_and_tell(&mut self, accepted: &SuppressionFile) -> Result<(), Halt> {
        let (asked, is_late) = match self.audit {
            Audit::Scheduled { asked, receives } => (*asked, *receives >= LATE_RECEIVES),
            // Nobody tries again.
            Audit::ByHand(_) => (self.telling.memory.runtime.now(), true),
        };
        // What an earlier run has begun to tell is told before anything changes.
        let (bulletin, mut untold) = self.settle().await?;
        let watched = self.watched(&bulletin, is_late).await?;
        let mut ledgers = self.open(self.chosen(&watched)?).await?;
        // What cannot be read is told before it is begun anew, and who is no longer watched before it is forgotten.
        self.telling.tell(watched.left(&bulletin, self.own, asked), BTreeSet::new(), Ok(accepted)).await;
        self.telling.memory.reserve(self.time_to_tell);
        if let Some(trouble) = self.telling.untold.values().next().cloned() {
            if bulletin.may_repeat() || ledgers.values().any(|ledger| ledger.was_unreadable) {
                return Err(Halt::Untold(trouble));
            }
            untold.get_or_insert(trouble);
        } else if watched.has_changed(&bulletin) {
            self.note_accounts(&watched.found).await?;
        }
        self.look_at_all(&mut ledgers, &watched, asked, is_late).await;
        // One mail over all: it waits for those that are still to be looked at, but not for long.
        if untold.is_none() && (is_late || self.audited.to_do.is_empty()) {
            self.tell_changes(&bulletin, &ledgers, &accepted.suppressions).await?;
        }
        untold.map_or(Ok(()), |trouble| Err(Halt::Untold(trouble)))
    }

    /// The accounts of this run: those that a person names, or all.
    fn chosen(&self, watched: &Watched) -> Result<BTreeSet<String>, Halt> {
        let Audit::ByHand(AuditRequest { accounts, .. }) = self.audit else {
            return Ok(watched.accounts.clone());
        };
        if let Some(unknown) = accounts.iter().find(|account| !watched.accounts.contains(*account)) {
            return Err(Halt::Refused(crate::Error::Input {
                thing: "an account of the request".to_owned(),
                value: unknown.clone(),
                expected: "the account that iamwatch runs in, or one that WATCHED_ACCOUNTS names".to_owned(),
            }));
        }
        Ok(if accounts.is_empty() { watched.accounts.clone() } else { accounts.iter().cloned().collect() })
    }

    async fn open(&self, accounts: BTreeSet<String>) -> Result<BTreeMap<String, Loaded<Ledger>>, AwsError> {
        let memory = &self.telling.memory;
        let open = accounts.into_iter().map(|account| async move {
            let held = memory.open(&key(&account), &Ledger::new(&account)).await?;
            Ok((account, held))
        });
        let opened: Vec<Result<_, AwsError>> = stream::iter(open).buffer_unordered(AT_ONCE).collect().await;
        opened.into_iter().collect()
    }

    /// Looks at the accounts at which nobody has since the run was asked for.
    async fn look_at_all(
        &mut self,
        ledgers: &mut BTreeMap<String, Loaded<Ledger>>,
        watched: &Watched,
        asked: DateTime<Utc>,
        is_late: bool,
    ) {
        let waiting = ledgers.iter_mut().filter(|(_, ledger)| !ledger.object.was_tried_since(asked));
        let mut waiting: Vec<_> = waiting.collect();
        // Those that no run had time for come first in the next.
        waiting.sort_by_key(|(_, ledger)| ledger.object.tried());
        let run = &*self;
        let looks = waiting.into_iter().map(|(account, ledger)| async move {
            let about = watched.problems(account, run.own);
            (account.clone(), run.look(account, ledger, &about, is_late).await)
        });
        let looks: Vec<(String, Look)> =
            Box::pin(stream::iter(looks).buffer_unordered(LOOKS_AT_ONCE).collect()).await;
        for (account, look) in looks {
            match look {
                Look::ToDo(trouble) => drop(self.audited.to_do.insert(account, trouble)),
                Look::Done(failed) => {
                    self.count(&ledgers[&account].object, failed.is_none());
                    match failed {
                        Some(trouble) => drop(self.audited.failed.insert(account, trouble)),
                        None => drop(self.audited.accounts.insert(account)),
                    }
                }
            }
        }
    }

    fn count(&mut self, ledger: &Ledger, was_looked_at: bool) {
        for (severity, count) in ledger.count() {
            *self.audited.findings.entry(severity).or_default() += count;
        }
        if let Some(generated) = ledger.generated().filter(|_| was_looked_at) {
            self.audited.saw(ledger.users(), generated);
        }
    }

    /// Looks at one account, and writes what stands there.
    async fn look(
        &self,
        account: &str,
        ledger: &mut Loaded<Ledger>,
        about: &[Finding],
        is_late: bool,
    ) -> Look {
        let memory = &self.telling.memory;
        let fetched = self.fetch(account).await;
        let fetched = match fetched {
            // It may be had a little later.
            Err(trouble) if trouble.kind == AwsErrorKind::DeadlineExceeded => return Look::ToDo(trouble),
            Err(trouble) if trouble.kind == AwsErrorKind::Transient && !is_late => {
                return Look::ToDo(trouble);
            }
            Ok((content, generated)) => match self.judge(account, &content, generated) {
                Ok(report) => {
                    // The same report again needs no other copy. That it cannot be kept is no reason not to judge it:
                    // what the state bucket says of it is among its troubles, and the day's next report is kept again.
                    if ledger.object.generated() < Some(generated) {
                        let _ = report_archive::keep(memory, account, &content, generated).await;
                    }
                    Ok(report)
                }
                Err(trouble) => Err(trouble),
            },
            Err(trouble) => Err(trouble),
        };
        let now = memory.runtime.now();
        let change = |ledger: &mut Ledger, was_unreadable: bool| {
            if was_unreadable {
                ledger.was_unreadable();
            }
            match &fetched {
                Ok(Report { judged, users, generated }) => {
                    ledger.looked(judged, about, *users, *generated, now);
                }
                Err(trouble) => {
                    let failed = account_check_failed(account, trouble, now);
                    ledger.could_not_look(about.iter().chain([&failed]), now);
                }
            }
            ledger.forget(now, self.config);
        };
        match memory.update(&key(account), &Ledger::new(account), Some(ledger.clone()), change).await {
            Ok(((), held)) => {
                *ledger = held;
                Look::Done(fetched.err())
            }
            Err(trouble) => Look::ToDo(trouble),
        }
    }

    /// What a report comes to. One without root, or without any user at all, is none.
    fn judge(&self, account: &str, content: &Bytes, generated: DateTime<Utc>) -> Result<Report, AwsError> {
        let odd = |answer: String| AwsError {
            kind: AwsErrorKind::Denied,
            call: format!("reading the credential report of account {account}"),
            answer,
        };
        let report = CredentialReport::parse(content).map_err(odd)?;
        if let Some(other) = report.account().filter(|other| *other != account) {
            return Err(odd(format!("its ARNs are of account {}", text::quoted(other))));
        }
        if report.root().is_none() {
            return Err(odd("it has no row <root_account>, which every report has".to_owned()));
        }
        let uri = self.telling.memory.uri(&report_archive::key(account, generated.date_naive()));
        let about = ReportContext { account, generated, source: Some(&uri) };
        let users = report.rows().iter().filter(|row| !row.is_root()).count() as u64;
        Ok(Report { judged: checks::judge(&report, &about, self.config), users, generated })
    }
}

impl Audited {
    fn saw(&mut self, users: u64, generated: DateTime<Utc>) {
        self.users += users;
        let (oldest, newest) = self.generated.unwrap_or((generated, generated));
        self.generated = Some((oldest.min(generated), newest.max(generated)));
    }
}

/// Where an account's ledger stands.
fn key(account: &str) -> String {
    format!("audits/credential-report/{account}.json")
}
