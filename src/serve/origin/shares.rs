//! Which statuses are sent, and how often.

use super::spread::percent;
use crate::http::Status;
use crate::random::Random;

/// All responses, in the smallest share that is told apart.
const ALL: u64 = 1_000_000_000;
/// One percent of them.
const PERCENT: f64 = 10_000_000.0;

/// The statuses of the responses. Those that are not listed are 200.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Shares(Vec<(u64, Status)>);

impl Shares {
    /// Reads `503`, `503:5%`, or `503:5%,429:1%`. The percent sign may be left out.
    ///
    /// # Errors
    ///
    /// What is wrong with it.
    pub(super) fn read(text: &str) -> Result<Self, String> {
        if !text.contains(':') && !text.contains(',') {
            return Ok(Self(vec![(ALL, status(text)?)]));
        }
        let mut shares = Vec::new();
        let mut sum = 0;
        for part in text.split(',') {
            let Some((code, share)) = part.split_once(':') else {
                return Err("one of several statuses needs its share".to_owned());
            };
            let share = share.strip_suffix('%').unwrap_or(share);
            let Some(percent) = percent(share) else {
                return Err("a share is a number from 0 to 100, in percent".to_owned());
            };
            #[expect(clippy::cast_sign_loss, reason = "from 0 to 100")]
            let share = (percent * PERCENT).round() as u64;
            sum += share;
            shares.push((share, status(code)?));
            if sum > ALL {
                return Err("the shares are more than 100 % in all".to_owned());
            }
        }
        Ok(Self(shares))
    }

    /// The status of one response.
    pub(super) fn draw(&self, random: &Random) -> Status {
        if let [(ALL, status)] = self.0[..] {
            return status;
        }
        let mut left = random.between(0, ALL - 1);
        for (share, status) in &self.0 {
            match left.checked_sub(*share) {
                Some(rest) => left = rest,
                None => return *status,
            }
        }
        Status::OK
    }
}

fn status(code: &str) -> Result<Status, String> {
    let is_code = code.len() == 3 && code.bytes().all(|b| b.is_ascii_digit());
    let code = code.parse().ok().filter(|_| is_code);
    let status = code.and_then(Status::new);
    status.ok_or_else(|| "a status is a code from 200 to 599".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn counts(text: &str) -> [u32; 3] {
        let shares = Shares::read(text).unwrap();
        let random = Random::new(1, 0);
        let mut counts = [0; 3];
        for _ in 0..100_000 {
            match shares.draw(&random).code() {
                200 => counts[0] += 1,
                503 => counts[1] += 1,
                429 => counts[2] += 1,
                other => panic!("{other}"),
            }
        }
        counts
    }

    #[test]
    fn statuses_have_their_shares() {
        for (text, wanted) in [
            ("503", [0, 100_000, 0]),
            ("503:100", [0, 100_000, 0]),
            ("503:0%", [100_000, 0, 0]),
            ("503:5%", [95_000, 5_000, 0]),
            ("503:5,429:1", [94_000, 5_000, 1_000]),
            ("503:0.5%,429:0.05%", [99_450, 500, 50]),
            ("503:33.3%,429:66.7%", [0, 33_300, 66_700]),
        ] {
            for (count, wanted) in counts(text).into_iter().zip(wanted) {
                // Four standard deviations, at most.
                let slack = 4.0 * f64::from(wanted * (100_000 - wanted) / 100_000).sqrt();
                let off = f64::from(count.abs_diff(wanted));
                assert!(off <= slack, "{text}: {count}, not {wanted}");
            }
        }
    }

    #[test]
    fn what_is_wrong_is_said() {
        for (text, error) in [
            ("", "a status is a code from 200 to 599"),
            ("100", "a status is a code from 200 to 599"),
            ("600", "a status is a code from 200 to 599"),
            ("+50", "a status is a code from 200 to 599"),
            ("0503", "a status is a code from 200 to 599"),
            ("abc:5%", "a status is a code from 200 to 599"),
            ("503,429", "one of several statuses needs its share"),
            ("503:5%,429", "one of several statuses needs its share"),
            ("503:", "a share is a number from 0 to 100, in percent"),
            ("503:101%", "a share is a number from 0 to 100, in percent"),
            ("503:-1%", "a share is a number from 0 to 100, in percent"),
            ("503:5%%", "a share is a number from 0 to 100, in percent"),
            ("503:60%,429:41%", "the shares are more than 100 % in all"),
        ] {
            assert_eq!(Shares::read(text).unwrap_err(), error, "{text}");
        }
    }
}
