//! Sign-ins over time, as an SVG bar chart and as a table.

use chrono::{DateTime, Datelike, Days, Months, NaiveDate, TimeDelta, Timelike, Utc};

use super::markup::{Markup, counted, grouped};
use crate::mail::html_report::overview::{OutcomeCounts, Overview};

/// How many bars the chart has at most: more are too thin to see.
const MAX_BARS: usize = 124;

/// How many labels fit side by side.
const MAX_LABELS: usize = 12;

/// At most this many lines are drawn across.
const MAX_LINES: u64 = 5;

const WIDTH: f64 = 960.0;
const HEIGHT: f64 = 300.0;
const LEFT: f64 = 76.0;
const RIGHT: f64 = 32.0;
const TOP: f64 = 12.0;
const BOTTOM: f64 = 64.0;

/// The least height of a part, which stays visible next to a count of 10,000.
const MIN_BAR_HEIGHT: f64 = 2.0;

/// The time that one bar covers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum TimeStep {
    Hour,
    Day,
    Week,
    Month,
    Year,
}

impl TimeStep {
    const ALL: [TimeStep; 5] =
        [TimeStep::Hour, TimeStep::Day, TimeStep::Week, TimeStep::Month, TimeStep::Year];

    fn noun(self) -> &'static str {
        match self {
            TimeStep::Hour => "hour",
            TimeStep::Day => "day",
            TimeStep::Week => "week",
            TimeStep::Month => "month",
            TimeStep::Year => "year",
        }
    }

    /// The start of the bar that contains `time`.
    fn begin(self, time: DateTime<Utc>) -> DateTime<Utc> {
        let date = time.date_naive();
        let date = match self {
            TimeStep::Hour => {
                return midnight(date) + TimeDelta::hours(time.hour().into());
            }
            TimeStep::Day => Some(date),
            TimeStep::Week => date.checked_sub_days(Days::new(date.weekday().num_days_from_monday().into())),
            TimeStep::Month => date.with_day(1),
            TimeStep::Year => NaiveDate::from_ymd_opt(date.year(), 1, 1),
        };
        midnight(date.unwrap_or_default())
    }

    /// The start of the next bar.
    fn next(self, begin: DateTime<Utc>) -> DateTime<Utc> {
        match self {
            TimeStep::Hour => begin + TimeDelta::hours(1),
            TimeStep::Day => begin + TimeDelta::days(1),
            TimeStep::Week => begin + TimeDelta::days(7),
            TimeStep::Month => begin + Months::new(1),
            TimeStep::Year => begin + Months::new(12),
        }
    }

    /// The shortest step with which the range has at most [`MAX_BARS`] bars.
    fn over(first: DateTime<Utc>, last: DateTime<Utc>) -> TimeStep {
        let fits = |step: &TimeStep| {
            let mut begin = step.begin(first);
            (0..MAX_BARS).any(|_| {
                begin = step.next(begin);
                begin > last
            })
        };
        TimeStep::ALL.into_iter().find(fits).unwrap_or(TimeStep::Year)
    }

    /// The label below a bar, and the larger unit, which is written where it changes.
    fn label(self, begin: DateTime<Utc>) -> (String, String) {
        let format = |format| begin.format(format).to_string();
        match self {
            TimeStep::Hour => (format("%H:%M"), format("%Y-%m-%d")),
            TimeStep::Day | TimeStep::Week => (format("%-d %b"), format("%Y")),
            TimeStep::Month => (format("%b"), format("%Y")),
            TimeStep::Year => (format("%Y"), String::new()),
        }
    }

    /// The full name of a bar.
    fn name(self, begin: DateTime<Utc>) -> String {
        let format = |format| begin.format(format).to_string();
        match self {
            TimeStep::Hour => format("%Y-%m-%d %H:00"),
            TimeStep::Day => format("%Y-%m-%d"),
            TimeStep::Week => format("week of %Y-%m-%d"),
            TimeStep::Month => format("%Y-%m"),
            TimeStep::Year => format("%Y"),
        }
    }

    /// Whether the bar has a label if only one in `every` has.
    fn labels(self, begin: DateTime<Utc>, at: usize, every: usize) -> bool {
        match self {
            TimeStep::Hour => (begin.hour() as usize).is_multiple_of(every),
            TimeStep::Month => (begin.month0() as usize).is_multiple_of(every),
            TimeStep::Day | TimeStep::Week | TimeStep::Year => at.is_multiple_of(every),
        }
    }

    /// The distance between labels, in bars, at which they do not touch.
    fn every(self, bars: usize) -> usize {
        let evenly: &[usize] = match self {
            TimeStep::Hour => &[1, 2, 3, 4, 6, 12, 24],
            TimeStep::Day => &[1, 2, 7, 14],
            TimeStep::Week => &[1, 2, 4, 13],
            TimeStep::Month => &[1, 2, 3, 6, 12],
            TimeStep::Year => &[1, 2, 5, 10],
        };
        let fits = |every: &&usize| bars.div_ceil(**every) <= MAX_LABELS;
        evenly.iter().find(fits).copied().unwrap_or(MAX_BARS.div_ceil(MAX_LABELS))
    }
}

fn midnight(date: NaiveDate) -> DateTime<Utc> {
    date.and_time(chrono::NaiveTime::MIN).and_utc()
}

/// The bars of a chart.
struct Bars {
    step: TimeStep,
    bars: Vec<(DateTime<Utc>, OutcomeCounts)>,
}

impl Bars {
    /// Covers the requested days and every sign-in; `None` if there is neither.
    fn of(overview: &Overview, from: Option<NaiveDate>, to: Option<NaiveDate>) -> Option<Bars> {
        let hours: Vec<(DateTime<Utc>, OutcomeCounts)> = overview.hours().collect();
        let (first, last) = (hours.first().map(|(time, _)| *time), hours.last().map(|(time, _)| *time));
        // Whole days: hours without a sign-in are information too.
        let first = [from, first.map(|time| time.date_naive())].into_iter().flatten().min()?;
        let last = [to, last.map(|time| time.date_naive())].into_iter().flatten().max()?.max(first);
        let last = midnight(last) + TimeDelta::hours(23);
        let step = TimeStep::over(midnight(first), last);
        let mut bars = Vec::new();
        let mut begin = step.begin(midnight(first));
        let mut hours = hours.into_iter().peekable();
        while begin <= last {
            let next = step.next(begin);
            let mut sum = OutcomeCounts::default();
            while let Some((_, tally)) = hours.next_if(|(time, _)| *time < next) {
                sum += tally;
            }
            bars.push((begin, sum));
            begin = next;
        }
        Some(Bars { step, bars })
    }

    /// The horizontal lines: their distance in sign-ins, and their number.
    fn lines(&self) -> (u64, u64) {
        let most = self.bars.iter().map(|(_, tally)| tally.all()).max().unwrap_or_default().max(1);
        let mut apart = 1;
        for factor in [2, 5, 10].into_iter().cycle() {
            if most.div_ceil(apart) <= MAX_LINES {
                break;
            }
            let power = 10_u64.pow(apart.ilog10());
            apart = power.saturating_mul(factor);
        }
        (apart, most.div_ceil(apart))
    }
}

/// Writes the sign-ins over time.
pub(super) fn draw(report: &mut Markup, overview: &Overview, from: Option<NaiveDate>, to: Option<NaiveDate>) {
    let Some(bars) = Bars::of(overview, from, to) else {
        return;
    };
    let noun = bars.step.noun();
    report.raw("<figure>\n<figcaption>Sign-ins by ").raw(noun).raw(" (UTC)</figcaption>\n");
    legend(report, overview.sign_ins(), outcomes(overview));
    report.raw("<div class=\"wide\">\n");
    svg(report, &bars);
    report.raw("</div>\n");
    table(report, &bars, outcomes(overview));
    let undated = overview.undated().all();
    if undated > 0 {
        report.raw("<p class=\"small\">").text(&counted(undated, "sign-in", "sign-ins"));
        report.raw(" without a time that can be right: not in the chart, and counted everywhere else.</p>\n");
    }
    report.raw("</figure>\n");
}

fn legend(report: &mut Markup, tally: OutcomeCounts, outcomes: usize) {
    report.raw("<ul class=\"legend\">\n");
    for (class, words, count) in parts(tally).into_iter().take(outcomes) {
        report.raw("<li><svg width=\"12\" height=\"12\" aria-hidden=\"true\"><rect class=\"").raw(class);
        report.raw("\" width=\"12\" height=\"12\"/></svg> ").raw(words).raw(": ").count(count).raw("</li>\n");
    }
    report.raw("</ul>\n");
}

/// The parts of a bar from the axis upwards: CSS class, words, count. Failures come first, on the axis, where their
/// heights can be compared.
pub(super) fn parts(tally: OutcomeCounts) -> [(&'static str, &'static str, u64); 3] {
    [
        ("failure", "failed", tally.failures),
        ("success", "succeeded", tally.successes),
        ("unknown", "outcome not said", tally.unknown),
    ]
}

/// How many parts have a column: the unknown outcome, which is rare, only if there is one.
pub(super) fn outcomes(overview: &Overview) -> usize {
    if overview.sign_ins().unknown > 0 { 3 } else { 2 }
}

fn svg(report: &mut Markup, bars: &Bars) {
    let (apart, lines) = bars.lines();
    let (width, height) = (WIDTH - LEFT - RIGHT, HEIGHT - TOP - BOTTOM);
    let floor = TOP + height;
    let scale = height / (apart * lines) as f64;
    report.raw("<svg class=\"chart\" viewBox=\"0 0 ").number(WIDTH).raw(" ").number(HEIGHT);
    report.raw("\" role=\"img\" aria-labelledby=\"chart-title\">\n<title id=\"chart-title\">Sign-ins by ");
    report.raw(bars.step.noun()).raw("; the table below says the same</title>\n");
    for line in 0..=lines {
        let y = floor - (line * apart) as f64 * scale;
        report
            .raw("<line class=\"")
            .raw(if line == 0 { "axis" } else { "grid" })
            .raw("\" x1=\"")
            .number(LEFT);
        report.raw("\" x2=\"").number(WIDTH - RIGHT).raw("\" y1=\"").number(y).raw("\" y2=\"").number(y);
        report.raw("\"/><text class=\"end\" x=\"").number(LEFT - 8.0).raw("\" y=\"").number(y + 4.0);
        report.raw("\">").count(line * apart).raw("</text>\n");
    }
    let slot = width / bars.bars.len() as f64;
    let every = bars.step.every(bars.bars.len());
    let mut greater_before = String::new();
    for (at, (begin, tally)) in bars.bars.iter().enumerate() {
        let left = LEFT + at as f64 * slot;
        bar(report, bars.step, *begin, *tally, [left + slot * 0.1, slot * 0.8, floor, scale]);
        if bars.step.labels(*begin, at, every) {
            let (label, greater) = bars.step.label(*begin);
            let middle = left + slot / 2.0;
            report.raw("<text class=\"middle\" x=\"").number(middle).raw("\" y=\"").number(floor + 18.0);
            report.raw("\">").text(&label).raw("</text>\n");
            if greater != greater_before {
                report.raw("<text class=\"middle\" x=\"").number(middle).raw("\" y=\"").number(floor + 34.0);
                report.raw("\">").text(&greater).raw("</text>\n");
                greater_before = greater;
            }
        }
    }
    let (x, y) = (16.0, TOP + height / 2.0);
    report.raw("<text class=\"middle\" transform=\"translate(").number(x).raw(" ").number(y);
    report.raw(") rotate(-90)\">sign-ins</text>\n<text class=\"middle\" x=\"").number(LEFT + width / 2.0);
    report
        .raw("\" y=\"")
        .number(HEIGHT - 8.0)
        .raw("\">")
        .raw(bars.step.noun())
        .raw(" (UTC)</text>\n</svg>\n");
}

fn bar(report: &mut Markup, step: TimeStep, begin: DateTime<Utc>, tally: OutcomeCounts, place: [f64; 4]) {
    let [left, width, floor, scale] = place;
    if tally.all() == 0 {
        return;
    }
    report.raw("<g><title>").text(&step.name(begin)).raw(":");
    let mut comma = " ";
    for (_, words, count) in parts(tally).into_iter().filter(|(_, _, count)| *count > 0) {
        report.raw(comma).text(&grouped(count)).raw(" ").raw(words);
        comma = ", ";
    }
    report.raw("</title>");
    let mut top = floor;
    for (class, _, count) in parts(tally).into_iter().filter(|(_, _, count)| *count > 0) {
        let height = (count as f64 * scale).max(MIN_BAR_HEIGHT);
        top -= height;
        report.raw("<rect class=\"").raw(class).raw("\" x=\"").number(left).raw("\" y=\"").number(top);
        report.raw("\" width=\"").number(width).raw("\" height=\"").number(height).raw("\"/>");
    }
    report.raw("</g>\n");
}

/// Writes the same numbers as a table.
fn table(report: &mut Markup, bars: &Bars, outcomes: usize) {
    let rows = || bars.bars.iter().filter(|(_, tally)| tally.all() > 0);
    if rows().next().is_none() {
        return;
    }
    report.raw("<details><summary>The same in numbers</summary>\n<table class=\"numbers\">\n<thead><tr><th scope=\"col\">");
    report.raw(bars.step.noun()).raw(" (UTC)</th>");
    for (_, words, _) in parts(OutcomeCounts::default()).into_iter().take(outcomes) {
        report.raw("<th scope=\"col\">").raw(words).raw("</th>");
    }
    report.raw("</tr></thead>\n<tbody>\n");
    for (begin, tally) in rows() {
        report.raw("<tr><th scope=\"row\">").text(&bars.step.name(*begin)).raw("</th>");
        for (_, _, count) in parts(*tally).into_iter().take(outcomes) {
            report.raw("<td>").count(count).raw("</td>");
        }
        report.raw("</tr>\n");
    }
    report.raw("</tbody>\n</table>\n</details>\n");
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::formats::cloudtrail::{Record, SignIn};

    fn at(time: &str) -> DateTime<Utc> {
        DateTime::parse_from_rfc3339(time).unwrap().to_utc()
    }

    fn day(date: &str) -> NaiveDate {
        date.parse().unwrap()
    }

    fn overview(times: &[&str]) -> Overview {
        let mut overview = Overview::new();
        for time in times {
            let json = format!(
                r#"{{"eventSource": "signin.amazonaws.com", "eventName": "ConsoleLogin", "eventTime": "{time}",
                    "responseElements": {{"ConsoleLogin": "Failure"}}}}"#
            );
            let record = Record::parse(json.as_bytes()).unwrap();
            overview.sign_in(&record, &SignIn::of(&record).unwrap());
        }
        overview
    }

    #[test]
    fn the_step_fits_the_range_and_no_sign_in_falls_between_bars() {
        for (from, to, step, bars) in [
            ("2026-04-01", "2026-04-01", TimeStep::Hour, 24),
            ("2026-04-01", "2026-04-05", TimeStep::Hour, 120),
            ("2026-04-01", "2026-04-06", TimeStep::Day, 6),
            ("2026-01-01", "2026-03-31", TimeStep::Day, 90),
            ("2026-01-01", "2026-12-31", TimeStep::Week, 53),
            ("2016-03-24", "2026-03-31", TimeStep::Month, 121),
            ("2013-11-01", "2099-12-31", TimeStep::Year, 87),
        ] {
            let range = || (Some(day(from)), Some(day(to)));
            let times = [format!("{from}T00:00:00Z"), format!("{to}T23:59:59Z")];
            let overview = overview(&times.each_ref().map(String::as_str));
            let drawn = Bars::of(&overview, range().0, range().1).unwrap();
            assert_eq!((drawn.step, drawn.bars.len()), (step, bars), "{from} to {to}");
            let sum: u64 = drawn.bars.iter().map(|(_, tally)| tally.failures).sum();
            assert_eq!(sum, 2, "{from} to {to}");
            let labels = drawn.bars.iter().enumerate();
            let labels = labels.filter(|(n, (begin, _))| step.labels(*begin, *n, step.every(bars))).count();
            assert!((1..=MAX_LABELS + 1).contains(&labels), "{from} to {to}: {labels}");
        }
    }

    #[test]
    fn a_sign_in_outside_of_what_was_asked_for_is_drawn_too() {
        let overview = overview(&["2026-03-30T12:00:00Z"]);
        let bars = Bars::of(&overview, Some(day("2026-04-01")), Some(day("2026-04-01"))).unwrap();
        assert_eq!((bars.bars[0].0, bars.bars.len()), (at("2026-03-30T00:00:00Z"), 72));
    }

    #[test]
    fn impossible_times_do_not_stretch_the_chart_and_are_reported() {
        let overview =
            overview(&["1970-01-01T00:00:00Z", "9999-12-31T23:59:59Z", "2026-04-01T08:00:00Z", "soon"]);
        let bars = Bars::of(&overview, None, None).unwrap();
        assert_eq!((bars.step, bars.bars.len()), (TimeStep::Hour, 24));
        let mut report = Markup::default();
        draw(&mut report, &overview, None, None);
        assert!(report.finish().contains("3 sign-ins without a time that can be right"));
    }

    #[test]
    fn lines_lie_at_round_numbers_above_everything() {
        for (most, expected) in [
            (0, (1, 1)),
            (1, (1, 1)),
            (5, (1, 5)),
            (6, (2, 3)),
            (23, (5, 5)),
            (26, (10, 3)),
            (1_234, (500, 3)),
        ] {
            let tally = OutcomeCounts { successes: most, ..OutcomeCounts::default() };
            let bars = Bars { step: TimeStep::Day, bars: vec![(at("2026-04-01T00:00:00Z"), tally)] };
            assert_eq!(bars.lines(), expected, "{most}");
        }
    }
}
