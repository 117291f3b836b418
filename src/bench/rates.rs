//! `--rate`: how many requests are due, over the time of a run. Pure arithmetic.

/// A ramp is reported in so many phases of equal length.
const RAMP_PHASES: u32 = 10;

const RATE_MAX: f64 = 1e9;

/// What `--rate` says: requests per second of the open model.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Rates {
    Constant(f64),
    /// From one rate to another, at an even pace.
    Ramp(f64, f64),
    /// One after the other, each for an equal part of the run.
    Steps(Vec<f64>),
}

impl Rates {
    /// `200`, `1.5k`, `1k..20k`, or `1k,2k,5k`.
    pub(super) fn parse(text: &str) -> Result<Self, String> {
        let rate = |text: &str| {
            rate(text).map_err(|error| error + "; a ramp as 1k..20k, or steps as 1k,2k,5k")
        };
        if let Some((from, to)) = text.split_once("..") {
            return Ok(Self::Ramp(rate(from)?, rate(to)?));
        }
        let steps: Result<Vec<f64>, String> = text.split(',').map(rate).collect();
        Ok(match steps?.as_slice() {
            [rate] => Self::Constant(*rate),
            steps => Self::Steps(steps.to_vec()),
        })
    }

    pub(super) fn is_constant(&self) -> bool {
        matches!(self, Self::Constant(_))
    }

    /// As [`Rates::parse`] reads it.
    pub(super) fn text(&self) -> String {
        match self {
            Self::Constant(rate) => rate.to_string(),
            Self::Ramp(from, to) => format!("{from}..{to}"),
            Self::Steps(rates) => {
                let rates: Vec<String> = rates.iter().map(f64::to_string).collect();
                rates.join(",")
            }
        }
    }

    /// The first: that of the warm-up.
    pub(super) fn first(&self) -> f64 {
        match self {
            Self::Constant(rate) | Self::Ramp(rate, _) => *rate,
            Self::Steps(rates) => rates.first().copied().unwrap_or(1.0),
        }
    }

    /// Over a run of this length, if that is known.
    ///
    /// # Errors
    ///
    /// When rates change, but the run is not limited by time.
    pub(super) fn over(&self, length: Option<u64>) -> Result<Profile, String> {
        let pieces: Vec<(f64, f64)> = match self {
            Self::Constant(rate) => return Ok(Profile::constant(*rate)),
            Self::Ramp(from, to) => {
                let at = |n: u32| from + (to - from) * f64::from(n) / f64::from(RAMP_PHASES);
                (0..RAMP_PHASES).map(|n| (at(n), at(n + 1))).collect()
            }
            Self::Steps(rates) => rates.iter().map(|rate| (*rate, *rate)).collect(),
        };
        match length {
            Some(nanos) => Ok(Profile::phases(&pieces, nanos)),
            None => Err(format!(
                "--rate {} changes over the time of the run: say how long that is with -z, as in -z 60s",
                self.text()
            )),
        }
    }
}

/// `200`, `1.5k` or `2M`.
pub(crate) fn rate(text: &str) -> Result<f64, String> {
    let text = text.trim();
    let (number, factor) = match text.as_bytes().last() {
        Some(b'k' | b'K') => (&text[..text.len() - 1], 1e3),
        Some(b'M') => (&text[..text.len() - 1], 1e6),
        _ => (text, 1.0),
    };
    match number.parse::<f64>() {
        Ok(number) if number > 0.0 && number * factor <= RATE_MAX => Ok(number * factor),
        _ => Err("not a rate: write requests per second, such as 200, 1.5k or 2M".to_owned()),
    }
}

/// A part of the run in which the rate is constant or changes evenly.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Phase {
    /// In nanoseconds.
    pub(super) start: f64,
    pub(super) length: f64,
    /// Requests per second at its start and at its end.
    pub(super) from: f64,
    pub(super) to: f64,
    /// Requests due before it.
    before: f64,
}

impl Phase {
    fn due_by(&self, nanos: f64) -> f64 {
        let passed = (nanos - self.start).max(0.0);
        self.before + (self.from * passed + self.change() * passed * passed) / 1e9
    }

    /// The inverse of `due_by`.
    fn time_at(&self, requests: f64) -> f64 {
        let more = (requests - self.before) * 1e9;
        // Of the two solutions of the quadratic equation, in the form that needs no division by the change.
        let root = (self.from * self.from + 4.0 * self.change() * more)
            .max(0.0)
            .sqrt();
        self.start + 2.0 * more / (self.from + root)
    }

    /// Half of what the rate changes by in a nanosecond.
    fn change(&self) -> f64 {
        (self.to - self.from) / (2.0 * self.length)
    }
}

/// The number of requests due, as a function of the time, and its inverse.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Profile {
    /// Requests per second of the first phase, or of all.
    rate: f64,
    nanos_per_request: f64,
    /// Empty at a constant rate.
    phases: Vec<Phase>,
}

impl Profile {
    pub(super) fn constant(rate: f64) -> Self {
        Self {
            rate,
            nanos_per_request: 1e9 / rate,
            phases: Vec::new(),
        }
    }

    fn phases(pieces: &[(f64, f64)], nanos: u64) -> Self {
        let length = nanos as f64 / pieces.len() as f64;
        let (mut start, mut before) = (0.0, 0.0);
        let mut phases = Vec::new();
        for &(from, to) in pieces {
            phases.push(Phase {
                start,
                length,
                from,
                to,
                before,
            });
            start += length;
            before += f64::midpoint(from, to) * length / 1e9;
        }
        Self {
            phases,
            ..Self::constant(pieces.first().map_or(1.0, |piece| piece.0))
        }
    }

    /// Empty at a constant rate.
    pub(super) fn all_phases(&self) -> &[Phase] {
        &self.phases
    }

    /// The number of the phase that this time belongs to. `None` at a constant rate.
    pub(super) fn phase_at(&self, nanos: u64) -> Option<usize> {
        let after = self
            .phases
            .partition_point(|phase| phase.start <= nanos as f64);
        after.checked_sub(1)
    }

    /// The number of requests due by this time, with its fraction.
    #[inline]
    pub(super) fn due_by(&self, nanos: f64) -> f64 {
        let begun = self.phases.iter().rfind(|phase| phase.start <= nanos);
        match begun {
            None => self.rate * nanos / 1e9,
            Some(phase) => phase.due_by(nanos),
        }
    }

    /// When so many requests are due.
    #[inline]
    pub(super) fn time_at(&self, requests: f64) -> f64 {
        let begun = self.phases.iter().rfind(|phase| phase.before <= requests);
        match begun {
            None => requests * self.nanos_per_request,
            Some(phase) => phase.time_at(requests),
        }
    }

    /// Requests per second, on average over this time.
    pub(super) fn mean(&self, nanos: u64) -> f64 {
        match nanos {
            0 => self.rate,
            nanos => self.due_by(nanos as f64) * 1e9 / nanos as f64,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: u64 = 1_000_000_000;

    #[test]
    fn rates_are_read_and_written() {
        for (text, rates, canonical) in [
            ("200", Rates::Constant(200.0), "200"),
            ("1.5k", Rates::Constant(1500.0), "1500"),
            ("2M", Rates::Constant(2e6), "2000000"),
            ("1k..20k", Rates::Ramp(1e3, 2e4), "1000..20000"),
            ("1k, 500", Rates::Steps(vec![1e3, 5e2]), "1000,500"),
        ] {
            assert_eq!(Rates::parse(text), Ok(rates.clone()), "{text}");
            assert_eq!(rates.text(), canonical);
            assert_eq!(Rates::parse(canonical), Ok(rates));
        }
        for text in [
            "", "0", "-1", "nan", "inf", "k", "1..", "1,,2", "2G", "1e10",
        ] {
            assert!(
                Rates::parse(text).unwrap_err().contains("not a rate"),
                "{text}"
            );
        }
    }

    #[test]
    fn changing_rates_need_a_length() {
        let error = Rates::Ramp(1.0, 2.0).over(None).unwrap_err();
        assert!(error.contains("with -z"), "{error}");
        let constant = Rates::Constant(8.0).over(None).unwrap();
        assert_eq!(
            (constant.phase_at(0), constant.all_phases().len()),
            (None, 0)
        );
    }

    /// From 0.5k to 1.5k in 10 s are 10,000 requests; half of the time has 3,750 of them (the integral).
    #[test]
    fn a_ramp_is_the_integral_of_its_rate() {
        let ramp = Rates::Ramp(500.0, 1500.0);
        let ramp = ramp.over(Some(10 * SECOND)).unwrap();
        for (seconds, due) in [(0.0, 0.0), (2.5, 1562.5), (5.0, 3750.0), (10.0, 10_000.0)] {
            let got = ramp.due_by(seconds * 1e9);
            assert!((got - due).abs() < 1e-6, "{seconds}: {got}");
            let time = ramp.time_at(due);
            assert!((time - seconds * 1e9).abs() < 1.0, "{due}: {time}");
        }
        assert!((ramp.mean(10 * SECOND) - 1000.0).abs() < 1e-9);
        assert_eq!(ramp.phase_at(SECOND - 1), Some(0));
        assert_eq!(ramp.phase_at(SECOND), Some(1));
        assert_eq!(ramp.phase_at(60 * SECOND), Some(9));
        let down = Rates::Ramp(1500.0, 500.0);
        let down = down.over(Some(10 * SECOND)).unwrap();
        assert!((down.due_by(5e9) - 6250.0).abs() < 1e-6);
    }

    #[test]
    fn steps_follow_each_other() {
        let steps = Rates::Steps(vec![100.0, 300.0]);
        let steps = steps.over(Some(2 * SECOND)).unwrap();
        for (seconds, due) in [(0.5, 50.0), (1.0, 100.0), (1.5, 250.0), (2.0, 400.0)] {
            assert!((steps.due_by(seconds * 1e9) - due).abs() < 1e-9);
            assert!((steps.time_at(due) - seconds * 1e9).abs() < 1.0);
        }
    }

    /// Going there and back ends where it began.
    #[test]
    fn times_and_numbers_are_inverse() {
        for rates in ["7", "3..900", "900..3", "1,1000,2", "5,5"] {
            let profile = Rates::parse(rates).unwrap();
            let profile = profile.over(Some(30 * SECOND)).unwrap();
            let last = profile.due_by(30e9);
            let mut before = -1.0;
            for step in 0..=1000 {
                let requests = last * f64::from(step) / 1000.0;
                let time = profile.time_at(requests);
                assert!(time > before, "{rates}: {time} after {before}");
                before = time;
                let again = profile.due_by(time);
                assert!(
                    (again - requests).abs() < 1e-6 * last,
                    "{rates}: {requests}"
                );
            }
        }
    }
}
