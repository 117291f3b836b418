//! How the highest load that holds is searched. It knows neither sockets nor clocks: a trial is a function.

use super::found::Trial;
use super::posterior::Posterior;

/// The bounds of a search.
#[derive(Clone, Copy, Debug)]
pub(super) struct Rules {
    pub(super) start: f64,
    pub(super) load_min: f64,
    pub(super) load_max: f64,
    /// Loads are whole numbers.
    pub(super) is_whole: bool,
    pub(super) trials_max: usize,
}

/// The interval is narrow enough when its ends differ by less than this factor.
const PRECISION: f64 = 1.25;

/// A wider interval after the last trial is no answer.
const PRECISION_MIN: f64 = 1.4;

/// A limit must explain the trials better than chance, by a factor of 20.
const EVIDENCE_MIN: f64 = 3.0;

/// Trials of the lower end of the interval, and how many of them must hold.
const CONFIRMING: usize = 3;
const CONFIRMED: usize = 2;

/// A trial that says nothing is repeated so often.
const UNUSABLE_MAX: usize = 4;

/// What a search has found.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Outcome {
    /// The highest load that holds, the interval that it is in with 95 %, and how many of the trials at its
    /// lower end have held.
    Found {
        load: f64,
        low: f64,
        high: f64,
        confirmed: (usize, usize),
    },
    /// There is no answer, for a reason. This load has held.
    Refused { reason: String, held: Option<f64> },
}

/// Stops a search early: the run was interrupted, or a trial could not be made.
pub(super) type Stopped = String;

/// Makes one trial of a load.
pub(super) type Attempt<'a> = dyn FnMut(f64) -> Result<Trial, Stopped> + 'a;

/// Doubles the load until it fails, and then narrows down where.
///
/// # Errors
///
/// Those of a trial.
pub(super) fn search(
    rules: &Rules,
    attempt: &mut Attempt<'_>,
) -> Result<(Outcome, Vec<Trial>), Stopped> {
    let mut search = Search {
        rules: *rules,
        attempt,
        trials: Vec::new(),
    };
    let outcome = match search.bracket()? {
        Ok((held, failed)) => search.narrow(held, failed)?,
        Err(refused) => refused,
    };
    Ok((outcome, search.trials))
}

struct Search<'a, 'b> {
    rules: Rules,
    attempt: &'a mut Attempt<'b>,
    trials: Vec<Trial>,
}

impl Search<'_, '_> {
    /// One trial. Did it hold? The error is why this cannot be said, however often it is tried.
    fn holds(&mut self, load: f64) -> Result<Result<bool, String>, Stopped> {
        let load = self.rounded(load);
        let mut reason = String::new();
        for _ in 0..UNUSABLE_MAX {
            let trial = (self.attempt)(load)?;
            let held = trial.held;
            if held.is_none() {
                reason.clone_from(&trial.said);
            }
            self.trials.push(trial);
            if let Some(held) = held {
                return Ok(Ok(held));
            }
        }
        Ok(Err(reason))
    }

    fn rounded(&self, load: f64) -> f64 {
        let load = load.clamp(self.rules.load_min, self.rules.load_max);
        if self.rules.is_whole {
            load.round().max(1.0)
        } else {
            load
        }
    }

    /// A load that held and a higher one that did not. A failure is tried twice: it may be chance.
    fn bracket(&mut self) -> Result<Result<(f64, f64), Outcome>, Stopped> {
        let mut load = self.rules.start;
        let (mut held, mut failed) = (None, None);
        loop {
            let holds = match self.holds(load)? {
                Ok(false) => self.holds(load)?,
                other => other,
            };
            match holds {
                Err(reason) => return Ok(Err(Outcome::Refused { reason, held })),
                Ok(true) => held = Some(self.rounded(load)),
                Ok(false) => failed = Some(self.rounded(load)),
            }
            load = match (held, failed) {
                (Some(held), Some(failed)) => return Ok(Ok((held, failed))),
                (Some(held), None) if held >= self.rules.load_max => {
                    let reason = format!("it still held at {held:.0}, the most that is tried");
                    return Ok(Err(Outcome::Refused {
                        reason,
                        held: Some(held),
                    }));
                }
                (Some(held), None) => held * 2.0,
                (None, failed) => failed.unwrap_or(load) / 2.0,
            };
            if held.is_none() && load < self.rules.load_min {
                let said = self.trials.last().map_or("", |trial| &trial.said);
                return Ok(Err(Outcome::Refused {
                    reason: format!("it does not hold even at the lowest load: {said}"),
                    held: None,
                }));
            }
        }
    }

    /// Tries loads around the one that is most likely, until the interval is narrow and confirmed.
    fn narrow(&mut self, held: f64, failed: f64) -> Result<Outcome, Stopped> {
        let mut posterior = Posterior::between(held / 2.0, failed * 2.0);
        for trial in &self.trials {
            if let Some(held) = trial.held {
                posterior.learn(trial.load, held);
            }
        }
        let mut highest = Some(held);
        while self.trials.len() < self.rules.trials_max {
            // Loads aside of the middle say how fast the chance to hold falls.
            let place = [0.5, 0.3, 0.7][self.trials.len() % 3];
            let is_narrow = self.is_narrow(&posterior);
            let (tries, load) = if is_narrow {
                (CONFIRMING, posterior.interval().0)
            } else {
                (1, posterior.quantile(place))
            };
            let mut confirmed = 0;
            for _ in 0..tries {
                match self.holds(load)? {
                    Ok(held) => {
                        posterior.learn(self.rounded(load), held);
                        confirmed += usize::from(held);
                    }
                    Err(reason) => {
                        return Ok(Outcome::Refused {
                            reason,
                            held: highest,
                        });
                    }
                }
            }
            if confirmed > 0 {
                let load = self.rounded(load);
                highest = Some(highest.map_or(load, |held: f64| held.max(load)));
            }
            let is_sure = posterior.evidence() > EVIDENCE_MIN;
            if is_narrow && is_sure && confirmed >= CONFIRMED && self.is_narrow(&posterior) {
                return Ok(self.found(&posterior, (confirmed, CONFIRMING)));
            }
        }
        if Self::is_narrow_enough(&posterior) {
            return Ok(self.found(&posterior, (0, 0)));
        }
        let (low, _, high) = posterior.interval();
        Ok(Outcome::Refused {
            reason: format!(
                "noise: after {} trials it is somewhere from {low:.0} to {high:.0}. Longer trials (-z) or a quieter machine say more",
                self.trials.len()
            ),
            held: highest,
        })
    }

    /// After the last trial, when no more can be had.
    fn is_narrow_enough(posterior: &Posterior) -> bool {
        let (low, _, high) = posterior.interval();
        high / low < PRECISION_MIN && posterior.evidence() > EVIDENCE_MIN
    }

    fn is_narrow(&self, posterior: &Posterior) -> bool {
        let (low, _, high) = posterior.interval();
        high / low < PRECISION || (self.rules.is_whole && high - low < 1.0)
    }

    fn found(&self, posterior: &Posterior, confirmed: (usize, usize)) -> Outcome {
        let (low, load, high) = posterior.interval();
        let (low, load, high) = if self.rules.is_whole {
            (low.floor().max(1.0), load.floor().max(1.0), high.ceil())
        } else {
            (low, load, high)
        };
        Outcome::Found {
            load,
            low,
            high,
            confirmed,
        }
    }
}
