//! What trials say about the load at which a goal begins to fail.
//!
//! Close to that load a trial is a toss of a coin, since a percentile of some thousand requests is not known
//! exactly. So the chance that a trial holds falls from 1 to 0 around the sought load `L`, over a width that is not
//! known either: `1 / (1 + exp((ln x - ln L) / s))`. Both `L` and `s` have a probability for each of their values;
//! each trial changes them by Bayes' rule (as in psychophysics, where a threshold is found from answers of yes and
//! no: Kontsevich and Tyler 1999).

/// Values of `ln L` and of `s`.
const LOADS: usize = 800;
const WIDTHS: usize = 12;
const WIDTH_MIN: f64 = 0.003;
const WIDTH_MAX: f64 = 0.12;

/// Some trials say the opposite, whatever the load: something else ran on the machine.
const LAPSES: f64 = 0.02;

#[derive(Clone, Debug)]
pub(super) struct Posterior {
    /// Logarithms of loads, in even steps.
    loads: Vec<f64>,
    widths: Vec<f64>,
    /// Logarithms of probabilities, up to a factor: a row of widths for each load.
    weights: Vec<f64>,
    /// How many trials have held, and how many have not.
    counts: [u32; 2],
}

impl Posterior {
    /// Before any trial, all loads in between are as likely, on a logarithmic scale.
    pub(super) fn between(low: f64, high: f64) -> Self {
        let even = |from: f64, to: f64, count: usize| {
            let step = (to - from) / (count - 1) as f64;
            (0..count).map(|n| from + n as f64 * step).collect()
        };
        let widths: Vec<f64> = even(WIDTH_MIN.ln(), WIDTH_MAX.ln(), WIDTHS);
        Self {
            loads: even(low.ln(), high.ln(), LOADS),
            widths: widths.into_iter().map(f64::exp).collect(),
            weights: vec![0.0; LOADS * WIDTHS],
            counts: [0; 2],
        }
    }

    /// A trial of this load held, or did not.
    pub(super) fn learn(&mut self, load: f64, held: bool) {
        self.counts[usize::from(!held)] += 1;
        let rows = self.weights.chunks_mut(WIDTHS).zip(&self.loads);
        for (row, middle) in rows {
            for (weight, width) in row.iter_mut().zip(&self.widths) {
                let above = (load.ln() - middle) / width;
                let holds = 1.0 / (1.0 + above.exp());
                let holds = LAPSES / 2.0 + (1.0 - LAPSES) * holds;
                *weight += if held { holds.ln() } else { (1.0 - holds).ln() };
            }
        }
    }

    /// How much better a limit explains the trials than chance, which does not care about the load: the
    /// logarithm of the ratio of their likelihoods.
    pub(super) fn evidence(&self) -> f64 {
        let best = self.weights.iter().copied().fold(f64::MIN, f64::max);
        let [held, failed] = self.counts.map(f64::from);
        let all = held + failed;
        let term = |count: f64| {
            if count > 0.0 {
                count * (count / all).ln()
            } else {
                0.0
            }
        };
        best - term(held) - term(failed)
    }

    /// The load that the sought one is below with this probability.
    pub(super) fn quantile(&self, quantile: f64) -> f64 {
        let most = self.weights.iter().copied().fold(f64::MIN, f64::max);
        let rows = self.weights.chunks(WIDTHS);
        let each: Vec<f64> = rows
            .map(|row| row.iter().map(|weight| (weight - most).exp()).sum())
            .collect();
        let wanted = quantile * each.iter().sum::<f64>();
        let mut sum = 0.0;
        for (share, load) in each.iter().zip(&self.loads) {
            sum += share;
            if sum >= wanted {
                return load.exp();
            }
        }
        self.loads.last().map_or(1.0, |load| load.exp())
    }

    /// Where the sought load is with 95 %, and its median.
    ///
    /// The search stops when the interval is narrow, and the percentile of a short trial is a little lower than that
    /// of a long one: so it takes the 99 % of this model to hold the truth in 95 % of the searches, which
    /// `queue_tests` counts.
    pub(super) fn interval(&self) -> (f64, f64, f64) {
        (
            self.quantile(0.005),
            self.quantile(0.5),
            self.quantile(0.995),
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sure_trials_leave_what_is_between_them() {
        let mut posterior = Posterior::between(10.0, 1000.0);
        let (low, middle, high) = posterior.interval();
        assert!(low < 12.0 && high > 880.0, "{low} {high}");
        assert!((middle / 100.0 - 1.0).abs() < 0.02, "{middle}");
        for _ in 0..4 {
            posterior.learn(80.0, true);
            posterior.learn(125.0, false);
        }
        let (low, middle, high) = posterior.interval();
        assert!(low > 60.0 && high < 165.0, "{low} {high}");
        assert!((middle / 100.0 - 1.0).abs() < 0.05, "{middle}");
    }

    #[test]
    fn one_trial_by_mistake_does_not_decide() {
        let mut posterior = Posterior::between(10.0, 1000.0);
        posterior.learn(50.0, false);
        for _ in 0..6 {
            posterior.learn(190.0, true);
            posterior.learn(210.0, false);
        }
        let (low, _, high) = posterior.interval();
        assert!(low < 200.0 && high > 200.0 && low > 150.0, "{low} {high}");
    }

    /// The more trials, the narrower: and it is where the coin is fair.
    #[test]
    fn the_interval_narrows_around_the_fair_coin() {
        let random = crate::random::Random::new(11, 0);
        let mut posterior = Posterior::between(10.0, 1000.0);
        let mut widths = Vec::new();
        for _ in 0..4 {
            for _ in 0..25 {
                let load = posterior.quantile(0.2 + 0.6 * random.fraction());
                let holds = 1.0 / (1.0 + ((load / 300.0).ln() / 0.05).exp());
                posterior.learn(load, random.fraction() < holds);
            }
            let (low, _, high) = posterior.interval();
            widths.push(high / low);
            assert!(low < 306.0 && high > 294.0, "{low} {high}");
        }
        assert!(widths[3] < widths[0] && widths[3] < 1.15, "{widths:?}");
    }
}
