//! Credential reports in, one mail over all accounts out.
//!
//! A run looks at each watched account that nobody has looked at since the run was asked for, and writes what
//! stands there into the account's ledger ([`crate::reconcile`]). Once all are looked at, one mail tells what
//! came, went and came back. A run that has not the time for all is asked for again, and goes on.

mod accounts;
mod bulletin;
mod fetching;
mod kept;

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use bytes::Bytes;
use chrono::{DateTime, NaiveDate, Utc};
use futures_util::stream::{self, StreamExt};

use super::accepted::Accepted;
use super::memory::{Held, Object};
use super::telling::{Mailed, Persistence, Telling};
use crate::checks::{self, About, Judged};
use crate::config::Config;
use crate::credential_report::CredentialReport;
use crate::detections::account_not_looked_at;
use crate::finding::{Finding, Status};
use crate::ports::{AlertSink, IamReader, Outside, Pace, StateStore, Trouble, TroubleKind};
use crate::reconcile::Ledger;
use crate::rule::Severity;
use crate::schedule::Request;

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

/// So many findings stand in the answer to a request by hand.
const MAX_LISTED: usize = 200;

/// Who asked for credential reports to be judged.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Audit {
    /// The schedule, by a message of a queue.
    Scheduled {
        /// When the message was sent.
        asked: DateTime<Utc>,
        /// How often it was received.
        receives: u32,
    },
    /// A person, who reads the answer.
    ByHand(Request),
}

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
    pub failed: BTreeMap<String, Trouble>,
    /// The accounts that the next run has to look at, and why this one did not.
    pub to_do: BTreeMap<String, Trouble>,
    /// Why something that was found is not told yet.
    pub untold: Option<Trouble>,
    /// What went wrong with the state bucket, whether or not it was put right since.
    pub state_troubles: Vec<Trouble>,
}

impl Audited {
    /// Why the run has to be asked for again; nothing where all is done.
    pub fn unfinished(&self) -> Option<&Trouble> {
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
    judged: Judged,
    users: u64,
    generated: DateTime<Utc>,
}

/// What became of one account.
enum Look {
    /// It was looked at, or it is known and noted why it cannot be.
    Done(Option<Trouble>),
    /// The next run has to.
    ToDo(Trouble),
}

/// Judges the credential reports of the watched accounts, and tells what has changed.
///
/// # Errors
/// [`crate::Error::Input`] where a request by hand cannot be met.
pub async fn audit_credentials<I: IamReader, L, S: StateStore, A: AlertSink, P: Pace>(
    audit: &Audit,
    config: &Config,
    iam: &I,
    outside: &Outside<'_, L, S, A, P>,
) -> Result<Audited, crate::Error> {
    let persistence = match audit {
        Audit::Scheduled { receives: LATE_RECEIVES.., .. } => Persistence::Last,
        _ => Persistence::ComesAgain,
    };
    let time_to_tell = TIME_TO_TELL.min(outside.pace.time_left() / 2);
    let telling = Telling::new(config, outside, persistence, time_to_tell);
    let (own, audited) = (outside.account, Audited::default());
    let mut run = Run { audit, config, iam, own, telling, audited };
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
    telling: Telling<'a, S, A, P>,
    audited: Audited,
}

impl<I: IamReader, S: StateStore, A: AlertSink, P: Pace> Run<'_, I, S, A, P> {
    /// Looks at every account that is still to be looked at, and tells what has changed.
    async fn audit(&mut self) -> Result<(), crate::Error> {
        let accepted = self.telling.load_accepted().await;
        let trouble = match &accepted {
            Ok(accepted) => self.look_and_tell(accepted).await?.err(),
            Err(trouble) => Some(trouble.clone()),
        };
        // Where that goes on, people are told without memory that nobody knows what has changed.
        if let Some(trouble) = trouble.as_ref().or(self.audited.to_do.values().next())
            && self.telling.memory.has_failed()
        {
            self.telling.tell(Vec::new(), BTreeSet::new(), Err(trouble)).await;
        }
        self.audited.untold = trouble;
        Ok(())
    }

    /// The inner error is why something is not told yet.
    async fn look_and_tell(&mut self, accepted: &Accepted) -> Result<Result<(), Trouble>, crate::Error> {
        let (asked, is_late) = match self.audit {
            Audit::Scheduled { asked, receives } => (*asked, *receives >= LATE_RECEIVES),
            // Nobody tries again.
            Audit::ByHand(_) => (self.telling.memory.pace.now(), true),
        };
        macro_rules! known {
            ($result:expr) => {
                match $result {
                    Ok(known) => known,
                    Err(trouble) => return Ok(Err(trouble)),
                }
            };
        }
        // What an earlier run has begun to tell is told before anything changes.
        let bulletin = known!(self.settle().await);
        let watched = known!(self.watched(&bulletin, is_late).await);
        if watched.has_changed(&bulletin) {
            known!(self.note_accounts(&watched.found).await);
        }
        let accounts = self.chosen(&watched)?;
        let mut ledgers = known!(self.open(accounts).await);
        // What cannot be read is told before it is begun anew.
        self.telling.tell(Vec::new(), BTreeSet::new(), Ok(accepted)).await;
        let untold = self.telling.untold.values().next().cloned();
        if let Some(trouble) = &untold
            && ledgers.values().any(|ledger| ledger.was_unreadable)
        {
            return Ok(Err(trouble.clone()));
        }
        self.look_at_all(&mut ledgers, &watched, asked, is_late).await;
        // One mail over all: it waits for those that are still to be looked at, unless nothing goes on.
        let goes_on = !self.audited.accounts.is_empty() || !self.audited.failed.is_empty();
        if self.audited.to_do.is_empty() || (is_late && !goes_on) {
            known!(self.tell_changes(&bulletin, &ledgers, &accepted.suppressions).await);
        }
        Ok(untold.map_or(Ok(()), Err))
    }

    /// The accounts of this run: those that a person names, or all.
    fn chosen(&self, watched: &Watched) -> Result<BTreeSet<String>, crate::Error> {
        let Audit::ByHand(Request { accounts, .. }) = self.audit else { return Ok(watched.accounts.clone()) };
        if let Some(unknown) = accounts.iter().find(|account| !watched.accounts.contains(*account)) {
            return Err(crate::Error::Input {
                thing: "an account of the request".to_owned(),
                value: unknown.clone(),
                expected: "the account that iamwatch runs in, or one that WATCHED_ACCOUNTS names".to_owned(),
            });
        }
        Ok(if accounts.is_empty() { watched.accounts.clone() } else { accounts.iter().cloned().collect() })
    }

    async fn open(&self, accounts: BTreeSet<String>) -> Result<BTreeMap<String, Held<Ledger>>, Trouble> {
        let memory = &self.telling.memory;
        let open = accounts.into_iter().map(|account| async move {
            let held = memory.open(&key(&account), &Ledger::new(&account)).await?;
            Ok((account, held))
        });
        let opened: Vec<Result<_, Trouble>> = stream::iter(open).buffer_unordered(AT_ONCE).collect().await;
        opened.into_iter().collect()
    }

    /// Looks at the accounts at which nobody has since the run was asked for.
    async fn look_at_all(
        &mut self,
        ledgers: &mut BTreeMap<String, Held<Ledger>>,
        watched: &Watched,
        asked: DateTime<Utc>,
        is_late: bool,
    ) {
        let waiting = ledgers.iter_mut().filter(|(_, ledger)| !ledger.object.was_tried_since(asked));
        let run = &*self;
        let looks = waiting.map(|(account, ledger)| async move {
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
    async fn look(&self, account: &str, ledger: &mut Held<Ledger>, about: &[Finding], is_late: bool) -> Look {
        let memory = &self.telling.memory;
        let fetched = self.fetch(account).await;
        let fetched = match fetched {
            // It may be had a little later.
            Err(trouble) if trouble.kind == TroubleKind::OutOfTime => return Look::ToDo(trouble),
            Err(trouble) if trouble.kind == TroubleKind::Unanswered && !is_late => {
                return Look::ToDo(trouble);
            }
            Ok((content, generated)) => match self.judge(account, &content, generated) {
                Ok(report) => {
                    // The same report again needs no other copy.
                    if ledger.object.generated() != Some(generated)
                        && let Err(trouble) = kept::keep(memory, account, &content, generated).await
                    {
                        return Look::ToDo(trouble);
                    }
                    Ok(report)
                }
                Err(trouble) => Err(trouble),
            },
            Err(trouble) => Err(trouble),
        };
        let now = memory.pace.now();
        let change = |ledger: &mut Ledger, was_unreadable: bool| {
            if was_unreadable {
                ledger.was_unreadable();
            }
            match &fetched {
                Ok(Report { judged, users, generated }) => {
                    ledger.looked(judged, about, *users, *generated, now);
                }
                Err(trouble) => {
                    let failed = account_not_looked_at(account, trouble, now);
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
    fn judge(&self, account: &str, content: &Bytes, generated: DateTime<Utc>) -> Result<Report, Trouble> {
        let odd = |answer: String| Trouble {
            kind: TroubleKind::Refused,
            call: format!("reading the credential report of account {account}"),
            answer,
        };
        let report = CredentialReport::parse(content).map_err(odd)?;
        if report.root().is_none() {
            return Err(odd("it has no row <root_account>, which every report has".to_owned()));
        }
        let uri = self.telling.memory.uri(&kept::key(account, generated.date_naive()));
        let about = About { account, generated, source: Some(&uri) };
        let users = report.rows().iter().filter(|row| !row.is_root()).count() as u64;
        Ok(Report { judged: checks::judge(&report, &about, self.config), users, generated })
    }

    /// Judges reports, kept or as they are now, for whoever reads the answer: nobody is told and nothing is noted.
    async fn evaluate(&mut self, request: &Request) -> Result<(), crate::Error> {
        let watched = match self.bulletin().await {
            Ok(bulletin) => self.watched(&bulletin, true).await,
            Err(trouble) => Err(trouble),
        };
        let watched = match watched {
            Ok(watched) => watched,
            Err(trouble) => {
                self.audited.untold = Some(trouble);
                return Ok(());
            }
        };
        let accounts = self.chosen(&watched)?;
        let run = &*self;
        let evaluate = accounts.into_iter().map(|account| async move {
            let report = run.evaluate_one(&account, request.date).await;
            (account, report)
        });
        let evaluated: Vec<_> =
            Box::pin(stream::iter(evaluate).buffer_unordered(LOOKS_AT_ONCE).collect()).await;
        for (account, report) in evaluated {
            match report {
                Ok((report, findings)) => {
                    self.audited.saw(report.users, report.generated);
                    for finding in findings.iter().filter(|finding| finding.status != Some(Status::Resolved))
                    {
                        *self.audited.findings.entry(finding.severity).or_default() += 1;
                    }
                    self.audited.listed.extend(findings);
                    self.audited.accounts.insert(account);
                }
                Err(trouble) => drop(self.audited.failed.insert(account, trouble)),
            }
        }
        let listed = &mut self.audited.listed;
        listed.sort_by(|one, other| {
            (other.severity, &one.account, &one.id).cmp(&(one.severity, &other.account, &other.id))
        });
        listed.truncate(MAX_LISTED);
        Ok(())
    }

    /// What stands in a report, and where it is that of now, what has changed since the last run.
    async fn evaluate_one(
        &self,
        account: &str,
        date: Option<NaiveDate>,
    ) -> Result<(Report, Vec<Finding>), Trouble> {
        let memory = &self.telling.memory;
        if let Some(date) = date {
            let (content, generated) = kept::read(memory, account, date).await?;
            let mut report = self.judge(account, &content, generated)?;
            let findings = std::mem::take(&mut report.judged.findings);
            return Ok((report, findings));
        }
        let (content, generated) = self.fetch(account).await?;
        let report = self.judge(account, &content, generated)?;
        let mut ledger = memory.open(&key(account), &Ledger::new(account)).await?.object;
        ledger.looked(&report.judged, &[], report.users, generated, memory.pace.now());
        let findings = ledger.changes().into_iter().chain(ledger.standing()).collect();
        Ok((report, findings))
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
