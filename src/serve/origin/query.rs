//! From the names and values of a query to a plan.

use std::fmt::Write as _;

use super::parameters::{PARAMETERS, Parameter};
use super::plan::{Bounds, Plan};

impl Plan {
    /// What `pairs` change of this plan. Names that begin with `_` are for caches to tell apart.
    ///
    /// # Errors
    ///
    /// Says what is wrong with which parameter, and shows a good one.
    pub(super) fn changed<N, V>(
        &self,
        pairs: impl Iterator<Item = (N, V)>,
        bounds: &Bounds,
    ) -> Result<Self, String>
    where
        N: AsRef<str>,
        V: AsRef<str>,
    {
        let mut plan = self.clone();
        let mut given: Vec<&Parameter> = Vec::new();
        for (name, value) in pairs {
            let (name, value) = (name.as_ref(), value.as_ref());
            if name.is_empty() && value.is_empty() || name.starts_with('_') {
                continue;
            }
            let parameter = Parameter::named(name).ok_or_else(|| unknown(name))?;
            let complain = |error: &str| complaint(parameter, value, error);
            match given.iter().find(|other| other.excludes(parameter)) {
                Some(other) if other.name == name => return Err(complain("it is given twice")),
                Some(other) => {
                    return Err(complain(&format!("it excludes {}", other.name)));
                }
                None => {}
            }
            if !given.iter().any(|other| other.name == name) {
                (parameter.clear)(&mut plan);
                given.push(parameter);
            }
            if value != "off" {
                (parameter.read)(&mut plan, value, bounds).map_err(|error| complain(&error))?;
            }
        }
        plan.check()?;
        Ok(plan)
    }
}

/// The line that says what is wrong with a value.
fn complaint(parameter: &Parameter, value: &str, error: &str) -> String {
    let good = parameter.pair(parameter.examples.first().unwrap_or(&""));
    let pair = shortened(&parameter.pair(value));
    format!("{pair}: {error}. Example: {good}\n")
}

/// A sentence with all the names, and a line about each.
fn unknown(name: &str) -> String {
    let names: Vec<&str> = PARAMETERS.iter().map(|known| known.name).collect();
    let (last, others) = names.split_last().unwrap_or((&"", &[]));
    let mut text = format!(
        "{}: not a parameter: there are {} and {last}. A name that begins with _ is ignored.\n",
        shortened(name),
        others.join(", ")
    );
    for parameter in &PARAMETERS {
        let example = parameter.pair(parameter.examples.first().unwrap_or(&""));
        // Writing to a string cannot fail.
        let _ = writeln!(text, "  {example:<20} {}", parameter.help);
    }
    text
}

/// So much of what a peer wrote is repeated to it.
const REPEATED_CHARS_MAX: usize = 60;

/// Without control characters, and not too long.
fn shortened(text: &str) -> String {
    let mut short: String = text.chars().take(REPEATED_CHARS_MAX).collect();
    if short.len() < text.len() {
        short.push_str("...");
    }
    short.escape_debug().to_string()
}

#[cfg(test)]
#[path = "query_tests.rs"]
mod tests;
