//! All runs: every scenario without faults, then with every fault at every call; the table and the figures.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use tokio::runtime::{Builder, Handle};
use tokio::sync::Semaphore;
use tokio::task::JoinSet;

use super::damage::Damage;
use super::judge::{Judgement, Verdict, judge, uncovered};
use super::point::{Kind, Point, kind};
use super::run::{Injected, Observed, run};
use super::{Scenario, Tried};

/// Which runs are made, and how many at the same time.
#[derive(Clone, Debug)]
pub struct Plan {
    /// `SCENARIO/POINT/FAULT`: only these; each part may be left out or be `*`. A point is its number in the
    /// table or a part of its name.
    pub only: Option<String>,
    /// How many runs at the same time. Most of them wait for a lease to end or for the retry of a message.
    pub at_once: usize,
    /// How many processes work at the same time.
    pub working: usize,
    /// The calls of every run, and what its processes wrote, are shown.
    pub show: bool,
}

impl Plan {
    fn part(&self, n: usize) -> Option<&str> {
        let part = self.only.as_deref()?.splitn(3, '/').nth(n)?;
        (!part.is_empty() && part != "*").then_some(part)
    }

    fn wants_scenario(&self, scenario: &Scenario) -> bool {
        self.part(0).is_none_or(|name| name == scenario.name)
    }

    fn wants_point(&self, number: usize, point: &Point) -> bool {
        self.part(1).is_none_or(|wanted| match wanted.parse::<usize>() {
            Ok(wanted) => wanted == number,
            Err(_) => point.to_string().contains(wanted),
        })
    }

    fn wants_damage(&self, damage: Damage) -> bool {
        self.part(2).is_none_or(|name| name == damage.name())
    }
}

/// The results of all runs.
#[derive(Debug, Default)]
pub struct Report {
    /// One row a call, one column a fault.
    pub table: String,
    /// Every broken promise, and how to see it again.
    pub broken: Vec<String>,
    /// How many calls something was tried at.
    pub points: usize,
    /// How many runs there were.
    pub runs: usize,
    /// How many expected mails never came.
    pub lost: usize,
    /// How many mails came again that must not.
    pub doubled: usize,
    /// How many mails were repeated because their outcome was unknown.
    pub repeated: usize,
    /// How long it took.
    pub wall_time: Duration,
}

impl Report {
    /// The figures in one line.
    pub fn figures(&self) -> String {
        let Report { points, runs, lost, doubled, repeated, wall_time, broken, .. } = self;
        format!(
            "injection points {points}, runs {runs}, lost {lost}, doubled {doubled}, repeated with unknown outcome {repeated}, broken promises {}, wall time {:.0} s",
            broken.len(),
            wall_time.as_secs_f64()
        )
    }

    fn add(&mut self, name: &str, judged: &Judgement) {
        self.runs += 1;
        self.lost += judged.lost;
        self.doubled += judged.doubled;
        self.repeated += judged.repeated;
        if !judged.broken.is_empty() {
            self.broken.push(format!("{name}\n    {}", judged.broken.join("\n    ")));
        }
    }
}

/// A run and what came of it.
struct Done {
    name: String,
    scenario: usize,
    /// The number of the point, from 1, and the fault; nothing for the run without faults.
    injected: Option<(usize, Damage)>,
    judged: Judgement,
    observed: Observed,
}

/// The runs that are under way. Each stays on one thread from beginning to end.
struct Runs {
    at_once: Arc<Semaphore>,
    working: Arc<Semaphore>,
    threads: Vec<Handle>,
    begun: usize,
    under_way: JoinSet<Done>,
}

/// A thread for each core, which lasts as long as the program. It runs what is spawned on its handle.
fn threads() -> Vec<Handle> {
    let cores = thread::available_parallelism().map_or(1, usize::from);
    let thread = |_| {
        let runtime = Builder::new_current_thread().enable_all().build().expect("a runtime can be made");
        let handle = runtime.handle().clone();
        thread::spawn(move || runtime.block_on(std::future::pending::<()>()));
        handle
    };
    (0..cores).map(thread).collect()
}

impl Runs {
    fn begin(&mut self, n: usize, scenario: &Arc<Scenario>, injected: Option<(usize, Injected)>) {
        let (scenario, at_once) = (Arc::clone(scenario), Arc::clone(&self.at_once));
        let working = Arc::clone(&self.working);
        let thread = &self.threads[self.begun % self.threads.len()];
        self.begun += 1;
        let whole = async move {
            let _one = at_once.acquire().await.expect("it is never closed");
            let number = injected.as_ref().map(|(number, injected)| (*number, injected.damage));
            let name = match &injected {
                None => scenario.name.clone(),
                Some((number, Injected { point, damage })) => {
                    format!("{}/{number}/{} ({point})", scenario.name, damage.name())
                }
            };
            let injected = injected.map(|(_, injected)| injected);
            let running = tokio::spawn({
                let (scenario, injected) = (Arc::clone(&scenario), injected.clone());
                async move { run(&scenario, injected.as_ref(), &working).await }
            });
            // A run that panics, such as one whose function does not start, does not stop the others.
            let observed = running.await.unwrap_or_else(|stopped| Observed {
                stopped: Some(stopped.to_string()),
                ..Observed::default()
            });
            let judged = judge(&scenario, injected.as_ref(), &observed);
            Done { name, scenario: n, injected: number, judged, observed }
        };
        self.under_way.spawn_on(whole, thread);
    }

    async fn end(&mut self) -> Option<Done> {
        Some(self.under_way.join_next().await?.expect("a run ends"))
    }
}

/// Tries all scenarios and says what came of it. How far it is, is said on stderr.
pub async fn prove(scenarios: Vec<Scenario>, plan: &Plan) -> Report {
    let began = Instant::now();
    let scenarios: Vec<Arc<Scenario>> = scenarios.into_iter().map(Arc::new).collect();
    let mut report = Report::default();
    let mut runs = Runs {
        at_once: Arc::new(Semaphore::new(plan.at_once)),
        working: Arc::new(Semaphore::new(plan.working)),
        threads: threads(),
        begun: 0,
        under_way: JoinSet::new(),
    };
    let mut seen: BTreeMap<Kind, String> = BTreeMap::new();
    let mut see = |done: &Done| {
        if plan.show {
            eprintln!("{}", shown(done));
        }
        for call in &done.observed.calls {
            seen.entry(kind(call)).or_insert_with(|| done.name.clone());
        }
    };

    for (n, scenario) in scenarios.iter().enumerate().filter(|(_, scenario)| plan.wants_scenario(scenario)) {
        runs.begin(n, scenario, None);
    }
    let mut points: BTreeMap<usize, Vec<Point>> = BTreeMap::new();
    let mut verdicts: BTreeMap<(usize, usize, String), Verdict> = BTreeMap::new();
    let mut clean: BTreeMap<usize, Verdict> = BTreeMap::new();
    while let Some(done) = runs.end().await {
        report.add(&done.name, &done.judged);
        see(&done);
        clean.insert(done.scenario, done.judged.verdict);
        points.insert(done.scenario, Point::of_run(&done.observed.calls));
    }
    eprintln!("{} scenarios without faults: {:.0} s", clean.len(), began.elapsed().as_secs_f64());

    let mut tried: BTreeSet<Kind> = BTreeSet::new();
    for (n, points) in &points {
        if scenarios[*n].tried == Tried::WithoutFaults {
            continue;
        }
        let wanted =
            |(number, point): &(usize, &Point)| plan.wants_point(*number, point) && (scenarios[*n].at)(point);
        for (number, point) in (1..).zip(points).filter(wanted) {
            tried.insert(point.kind());
            report.points += 1;
            for damage in Damage::ALL.into_iter().filter(|damage| plan.wants_damage(*damage)) {
                if damage.at(point).is_some() {
                    let injected = Injected { point: point.clone(), damage };
                    runs.begin(*n, &scenarios[*n], Some((number, injected)));
                }
            }
        }
    }
    let all = runs.under_way.len();
    for ended in 1.. {
        let Some(done) = runs.end().await else { break };
        report.add(&done.name, &done.judged);
        see(&done);
        if let Some((number, damage)) = done.injected {
            verdicts.insert((done.scenario, number, damage.short()), done.judged.verdict);
        }
        if ended % 250 == 0 || ended == all {
            eprintln!("{ended} of {all} runs: {:.0} s", began.elapsed().as_secs_f64());
        }
    }
    if plan.only.is_none() {
        report.broken.extend(uncovered(&seen, &tried));
    }
    report.broken.sort();
    report.table = table(&scenarios, &clean, &points, &verdicts);
    report.wall_time = began.elapsed();
    report
}

/// One row a call, one column a fault, one letter an outcome.
fn table(
    scenarios: &[Arc<Scenario>],
    clean: &BTreeMap<usize, Verdict>,
    points: &BTreeMap<usize, Vec<Point>>,
    verdicts: &BTreeMap<(usize, usize, String), Verdict>,
) -> String {
    let mut table =
        String::from("each scenario with what came of it without faults, then a row for each of its calls\n");
    let head: Vec<String> = Damage::ALL.into_iter().map(Damage::short).collect();
    for (n, verdict) in clean {
        let scenario = &scenarios[*n];
        let _ = writeln!(table, "\n{}  {}", verdict.letter(), scenario.name);
        if scenario.tried == Tried::WithoutFaults {
            continue;
        }
        let _ = writeln!(table, "     {}", head.join(" "));
        for (number, point) in (1..).zip(&points[n]) {
            let _ = write!(table, "{number:3} ");
            let mut any = false;
            for damage in &head {
                let verdict = verdicts.get(&(*n, number, damage.clone()));
                any |= verdict.is_some();
                let _ = write!(table, "  {} ", verdict.map_or(' ', |verdict| verdict.letter()));
            }
            if any {
                let _ = writeln!(table, " {point}");
            } else {
                table.truncate(table.rfind('\n').map_or(0, |end| end + 1));
            }
        }
    }
    table += "\n400 to 503: that status is answered. h: no answer ever; c: the connection is cut; k: the process is killed;\n";
    table += "-b: before, -a: after the call took effect. cut, cor: the answer's body is cut short, or corrupted.\n";
    for (_, letter, meaning) in Verdict::ALL {
        let _ = writeln!(table, "{letter} {meaning}");
    }
    table += "(blank) the answer has no body\n";
    table
}

/// A run, for a person who wants to know what happened.
fn shown(done: &Done) -> String {
    let Done { name, judged, observed, .. } = done;
    let mut text = format!("=== {name}: {judged:#?}\n{}\ncalls\n", observed.log);
    for (number, (point, call)) in (1..).zip(Point::of_run(&observed.calls).iter().zip(&observed.calls)) {
        let fault = call.fault.map(|fault| format!("  <== {fault:?}")).unwrap_or_default();
        let _ = writeln!(text, "{number:3} {} {point}  ({}){fault}", call.caller, call.target);
    }
    text += "mails\n";
    for mail in &observed.mails {
        let (subject, id) = (mail.subject.as_deref().unwrap_or_default(), mail.attribute("alert_id"));
        let _ = writeln!(text, "    {subject}  {}", id.unwrap_or_default());
    }
    text += "state\n";
    for (key, content) in &observed.state {
        let _ = writeln!(text, "    {key}  {}", String::from_utf8_lossy(content));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::stub_aws::Operation;

    #[test]
    fn one_run_can_be_asked_for() {
        let scenario = Scenario::new("one", "sign-in");
        let point = Point { operation: Operation::Publish, place: "arn".to_owned(), nth: 2, answer_bytes: 0 };
        for (only, wanted) in [
            (None, true),
            (Some("one"), true),
            (Some("two"), false),
            (Some("one/7"), true),
            (Some("one/8"), false),
            (Some("one/Publish"), true),
            (Some("one/GetObject"), false),
            (Some("*/7/kill-after"), true),
            (Some("//kill-after"), true),
            (Some("one/7/kill-before"), false),
        ] {
            let plan = Plan { only: only.map(str::to_owned), at_once: 1, working: 1, show: false };
            let wants = plan.wants_scenario(&scenario)
                && plan.wants_point(7, &point)
                && plan.wants_damage(Damage::KillAfter);
            assert_eq!(wants, wanted, "{only:?}");
        }
    }
}
