//! Sign-ins over time, as bars in SVG, and the same as a table.

use chrono::{DateTime, Datelike, Days, Months, NaiveDate, TimeDelta, Timelike, Utc};

use super::markup::{Markup, counted, grouped};
use crate::mail::html_report::overview::{Overview, Tally};

/// More bars than this are too thin to be seen.
const MAX_BARS: usize = 124;

/// So many labels stand side by side without touching.
const MAX_LABELS: usize = 12;

/// About so many lines are drawn across.
const MAX_LINES: u64 = 5;

const WIDTH: f64 = 960.0;
const HEIGHT: f64 = 300.0;
const LEFT: f64 = 76.0;
const RIGHT: f64 = 32.0;
const TOP: f64 = 12.0;
const BOTTOM: f64 = 64.0;

/// What there is one of stays visible beside ten thousand.
const MIN_BAR_HEIGHT: f64 = 2.0;

/// How much time one bar stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Step {
    Hour,
    Day,
    Week,
    Month,
    Year,
}

impl Step {
    const ALL: [Step; 5] = [Step::Hour, Step::Day, Step::Week, Step::Month, Step::Year];

    fn noun(self) -> &'static str {
        match self {
            Step::Hour => "hour",
            Step::Day => "day",
            Step::Week => "week",
            Step::Month => "month",
            Step::Year => "year",
        }
    }

    /// The first moment of the bar in which that time lies.
    fn begin(self, time: DateTime<Utc>) -> DateTime<Utc> {
        let date = time.date_naive();
        let date = match self {
            Step::Hour => {
                return midnight(date) + TimeDelta::hours(time.hour().into());
            }
            Step::Day => Some(date),
            Step::Week => date.checked_sub_days(Days::new(date.weekday().num_days_from_monday().into())),
            Step::Month => date.with_day(1),
            Step::Year => NaiveDate::from_ymd_opt(date.year(), 1, 1),
        };
        midnight(date.unwrap_or_default())
    }

    /// The first moment of the next bar.
    fn next(self, begin: DateTime<Utc>) -> DateTime<Utc> {
        match self {
            Step::Hour => begin + TimeDelta::hours(1),
            Step::Day => begin + TimeDelta::days(1),
            Step::Week => begin + TimeDelta::days(7),
            Step::Month => begin + Months::new(1),
            Step::Year => begin + Months::new(12),
        }
    }

    /// The shortest of which the range has not too many.
    fn over(first: DateTime<Utc>, last: DateTime<Utc>) -> Step {
        let fits = |step: &Step| {
            let mut begin = step.begin(first);
            (0..MAX_BARS).any(|_| {
                begin = step.next(begin);
                begin > last
            })
        };
        Step::ALL.into_iter().find(fits).unwrap_or(Step::Year)
    }

    /// What stands below a bar, and the greater unit below that where it changes.
    fn label(self, begin: DateTime<Utc>) -> (String, String) {
        let format = |format| begin.format(format).to_string();
        match self {
            Step::Hour => (format("%H:%M"), format("%Y-%m-%d")),
            Step::Day | Step::Week => (format("%-d %b"), format("%Y")),
            Step::Month => (format("%b"), format("%Y")),
            Step::Year => (format("%Y"), String::new()),
        }
    }

    /// The whole name of a bar.
    fn name(self, begin: DateTime<Utc>) -> String {
        let format = |format| begin.format(format).to_string();
        match self {
            Step::Hour => format("%Y-%m-%d %H:00"),
            Step::Day => format("%Y-%m-%d"),
            Step::Week => format("week of %Y-%m-%d"),
            Step::Month => format("%Y-%m"),
            Step::Year => format("%Y"),
        }
    }

    /// Whether a label may stand there, where there is not room for all.
    fn labels(self, begin: DateTime<Utc>, at: usize, every: usize) -> bool {
        match self {
            Step::Hour => (begin.hour() as usize).is_multiple_of(every),
            Step::Month => (begin.month0() as usize).is_multiple_of(every),
            Step::Day | Step::Week | Step::Year => at.is_multiple_of(every),
        }
    }

    /// At how many bars there is a label, so that they do not touch.
    fn every(self, bars: usize) -> usize {
        let evenly: &[usize] = match self {
            Step::Hour => &[1, 2, 3, 4, 6, 12, 24],
            Step::Day => &[1, 2, 7, 14],
            Step::Week => &[1, 2, 4, 13],
            Step::Month => &[1, 2, 3, 6, 12],
            Step::Year => &[1, 2, 5, 10],
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
    step: Step,
    bars: Vec<(DateTime<Utc>, Tally)>,
}

impl Bars {
    /// Over the days that were asked for, and every sign-in. Nothing where there is no day at all.
    fn of(story: &Overview, from: Option<NaiveDate>, to: Option<NaiveDate>) -> Option<Bars> {
        let hours: Vec<(DateTime<Utc>, Tally)> = story.hours().collect();
        let (first, last) = (hours.first().map(|(time, _)| *time), hours.last().map(|(time, _)| *time));
        // Whole days: an empty morning says something too.
        let first = [from, first.map(|time| time.date_naive())].into_iter().flatten().min()?;
        let last = [to, last.map(|time| time.date_naive())].into_iter().flatten().max()?.max(first);
        let last = midnight(last) + TimeDelta::hours(23);
        let step = Step::over(midnight(first), last);
        let mut bars = Vec::new();
        let mut begin = step.begin(midnight(first));
        let mut hours = hours.into_iter().peekable();
        while begin <= last {
            let next = step.next(begin);
            let mut sum = Tally::default();
            while let Some((_, tally)) = hours.next_if(|(time, _)| *time < next) {
                sum += tally;
            }
            bars.push((begin, sum));
            begin = next;
        }
        Some(Bars { step, bars })
    }

    /// The lines across: how far apart, and how many.
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

/// Draws the sign-ins over time.
pub(super) fn draw(page: &mut Markup, story: &Overview, from: Option<NaiveDate>, to: Option<NaiveDate>) {
    let Some(bars) = Bars::of(story, from, to) else {
        return;
    };
    let noun = bars.step.noun();
    page.raw("<figure>\n<figcaption>Sign-ins by ").raw(noun).raw(" (UTC)</figcaption>\n");
    legend(page, story.sign_ins(), outcomes(story));
    page.raw("<div class=\"wide\">\n");
    svg(page, &bars);
    page.raw("</div>\n");
    table(page, &bars, outcomes(story));
    let undated = story.undated().all();
    if undated > 0 {
        page.raw("<p class=\"small\">").text(&counted(undated, "sign-in", "sign-ins"));
        page.raw(" without a time that can be right: not in the chart, and counted everywhere else.</p>\n");
    }
    page.raw("</figure>\n");
}

fn legend(page: &mut Markup, tally: Tally, outcomes: usize) {
    page.raw("<ul class=\"legend\">\n");
    for (class, words, count) in parts(tally).into_iter().take(outcomes) {
        page.raw("<li><svg width=\"12\" height=\"12\" aria-hidden=\"true\"><rect class=\"").raw(class);
        page.raw("\" width=\"12\" height=\"12\"/></svg> ").raw(words).raw(": ").count(count).raw("</li>\n");
    }
    page.raw("</ul>\n");
}

/// From the axis upwards: failures, which one wants to compare, stand on it.
pub(super) fn parts(tally: Tally) -> [(&'static str, &'static str, u64); 3] {
    [
        ("failure", "failed", tally.failures),
        ("success", "succeeded", tally.successes),
        ("unknown", "outcome not said", tally.unknown),
    ]
}

/// How many of the parts are worth a column: that a record does not say how a sign-in ended is rare.
pub(super) fn outcomes(story: &Overview) -> usize {
    if story.sign_ins().unknown > 0 { 3 } else { 2 }
}

fn svg(page: &mut Markup, bars: &Bars) {
    let (apart, lines) = bars.lines();
    let (width, height) = (WIDTH - LEFT - RIGHT, HEIGHT - TOP - BOTTOM);
    let floor = TOP + height;
    let scale = height / (apart * lines) as f64;
    page.raw("<svg class=\"chart\" viewBox=\"0 0 ").number(WIDTH).raw(" ").number(HEIGHT);
    page.raw("\" role=\"img\" aria-labelledby=\"chart-title\">\n<title id=\"chart-title\">Sign-ins by ");
    page.raw(bars.step.noun()).raw("; the table below says the same</title>\n");
    for line in 0..=lines {
        let y = floor - (line * apart) as f64 * scale;
        page.raw("<line class=\"").raw(if line == 0 { "axis" } else { "grid" }).raw("\" x1=\"").number(LEFT);
        page.raw("\" x2=\"").number(WIDTH - RIGHT).raw("\" y1=\"").number(y).raw("\" y2=\"").number(y);
        page.raw("\"/><text class=\"end\" x=\"").number(LEFT - 8.0).raw("\" y=\"").number(y + 4.0);
        page.raw("\">").count(line * apart).raw("</text>\n");
    }
    let slot = width / bars.bars.len() as f64;
    let every = bars.step.every(bars.bars.len());
    let mut greater_before = String::new();
    for (at, (begin, tally)) in bars.bars.iter().enumerate() {
        let left = LEFT + at as f64 * slot;
        bar(page, bars.step, *begin, *tally, [left + slot * 0.1, slot * 0.8, floor, scale]);
        if bars.step.labels(*begin, at, every) {
            let (label, greater) = bars.step.label(*begin);
            let middle = left + slot / 2.0;
            page.raw("<text class=\"middle\" x=\"").number(middle).raw("\" y=\"").number(floor + 18.0);
            page.raw("\">").text(&label).raw("</text>\n");
            if greater != greater_before {
                page.raw("<text class=\"middle\" x=\"").number(middle).raw("\" y=\"").number(floor + 34.0);
                page.raw("\">").text(&greater).raw("</text>\n");
                greater_before = greater;
            }
        }
    }
    let (x, y) = (16.0, TOP + height / 2.0);
    page.raw("<text class=\"middle\" transform=\"translate(").number(x).raw(" ").number(y);
    page.raw(") rotate(-90)\">sign-ins</text>\n<text class=\"middle\" x=\"").number(LEFT + width / 2.0);
    page.raw("\" y=\"").number(HEIGHT - 8.0).raw("\">").raw(bars.step.noun()).raw(" (UTC)</text>\n</svg>\n");
}

fn bar(page: &mut Markup, step: Step, begin: DateTime<Utc>, tally: Tally, place: [f64; 4]) {
    let [left, width, floor, scale] = place;
    if tally.all() == 0 {
        return;
    }
    page.raw("<g><title>").text(&step.name(begin)).raw(":");
    let mut comma = " ";
    for (_, words, count) in parts(tally).into_iter().filter(|(_, _, count)| *count > 0) {
        page.raw(comma).text(&grouped(count)).raw(" ").raw(words);
        comma = ", ";
    }
    page.raw("</title>");
    let mut top = floor;
    for (class, _, count) in parts(tally).into_iter().filter(|(_, _, count)| *count > 0) {
        let height = (count as f64 * scale).max(MIN_BAR_HEIGHT);
        top -= height;
        page.raw("<rect class=\"").raw(class).raw("\" x=\"").number(left).raw("\" y=\"").number(top);
        page.raw("\" width=\"").number(width).raw("\" height=\"").number(height).raw("\"/>");
    }
    page.raw("</g>\n");
}

/// The same in numbers.
fn table(page: &mut Markup, bars: &Bars, outcomes: usize) {
    let rows = || bars.bars.iter().filter(|(_, tally)| tally.all() > 0);
    if rows().next().is_none() {
        return;
    }
    page.raw("<details><summary>The same in numbers</summary>\n<table class=\"numbers\">\n<thead><tr><th scope=\"col\">");
    page.raw(bars.step.noun()).raw(" (UTC)</th>");
    for (_, words, _) in parts(Tally::default()).into_iter().take(outcomes) {
        page.raw("<th scope=\"col\">").raw(words).raw("</th>");
    }
    page.raw("</tr></thead>\n<tbody>\n");
    for (begin, tally) in rows() {
        page.raw("<tr><th scope=\"row\">").text(&bars.step.name(*begin)).raw("</th>");
        for (_, _, count) in parts(*tally).into_iter().take(outcomes) {
            page.raw("<td>").count(count).raw("</td>");
        }
        page.raw("</tr>\n");
    }
    page.raw("</tbody>\n</table>\n</details>\n");
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

    fn story(times: &[&str]) -> Overview {
        let mut story = Overview::new();
        for time in times {
            let json = format!(
                r#"{{"eventSource": "signin.amazonaws.com", "eventName": "ConsoleLogin", "eventTime": "{time}",
                    "responseElements": {{"ConsoleLogin": "Failure"}}}}"#
            );
            let record = Record::parse(json.as_bytes()).unwrap();
            story.sign_in(&record, &SignIn::of(&record).unwrap());
        }
        story
    }

    #[test]
    fn the_step_fits_the_range_and_no_sign_in_falls_between_bars() {
        for (from, to, step, bars) in [
            ("2026-04-01", "2026-04-01", Step::Hour, 24),
            ("2026-04-01", "2026-04-05", Step::Hour, 120),
            ("2026-04-01", "2026-04-06", Step::Day, 6),
            ("2026-01-01", "2026-03-31", Step::Day, 90),
            ("2026-01-01", "2026-12-31", Step::Week, 53),
            ("2016-03-24", "2026-03-31", Step::Month, 121),
            ("2013-11-01", "2099-12-31", Step::Year, 87),
        ] {
            let range = || (Some(day(from)), Some(day(to)));
            let times = [format!("{from}T00:00:00Z"), format!("{to}T23:59:59Z")];
            let story = story(&times.each_ref().map(String::as_str));
            let drawn = Bars::of(&story, range().0, range().1).unwrap();
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
        let story = story(&["2026-03-30T12:00:00Z"]);
        let bars = Bars::of(&story, Some(day("2026-04-01")), Some(day("2026-04-01"))).unwrap();
        assert_eq!((bars.bars[0].0, bars.bars.len()), (at("2026-03-30T00:00:00Z"), 72));
    }

    #[test]
    fn times_that_cannot_be_right_stretch_nothing_and_are_told() {
        let story = story(&["1970-01-01T00:00:00Z", "9999-12-31T23:59:59Z", "2026-04-01T08:00:00Z", "soon"]);
        let bars = Bars::of(&story, None, None).unwrap();
        assert_eq!((bars.step, bars.bars.len()), (Step::Hour, 24));
        let mut page = Markup::default();
        draw(&mut page, &story, None, None);
        assert!(page.finish().contains("3 sign-ins without a time that can be right"));
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
            let tally = Tally { successes: most, ..Tally::default() };
            let bars = Bars { step: Step::Day, bars: vec![(at("2026-04-01T00:00:00Z"), tally)] };
            assert_eq!(bars.lines(), expected, "{most}");
        }
    }
}
