//! Whether a race succeeded, which decides its exit code.

use super::record::{Measurement, Record, Target, Test};
use super::summary;

/// Whether all servers were measured to the end and did the work.
pub(super) fn of(record: &Record) -> Result<(), String> {
    judge(record, &record.targets.iter().collect::<Vec<_>>())
}

/// The same of those servers that another race has as well.
pub(super) fn of_common(record: &Record, other: &Record) -> Result<(), String> {
    let is_common = |target: &&Target| other.targets.iter().any(|it| it.name == target.name);
    judge(
        record,
        &record.targets.iter().filter(is_common).collect::<Vec<_>>(),
    )
}

fn judge(record: &Record, targets: &[&Target]) -> Result<(), String> {
    let names = |is_so: &dyn Fn(&Target) -> bool| {
        let targets = targets.iter().filter(|target| is_so(target));
        let names: Vec<&str> = targets.map(|target| target.name.as_str()).collect();
        names.join(", ")
    };
    let out = names(&|target| target.out.is_some());
    let failed = names(&|target| record.tests.iter().any(|test| fails(record, test, target)));
    if record.results.is_empty() {
        return Err("nothing was measured".to_owned());
    }
    let faults = [
        ("not measured to the end", out),
        ("too many errors", failed),
    ];
    let faults: Vec<String> = faults
        .into_iter()
        .filter(|(_, names)| !names.is_empty())
        .map(|(fault, names)| format!("{fault}: {names}"))
        .collect();
    if faults.is_empty() {
        Ok(())
    } else {
        Err(faults.join("; "))
    }
}

fn fails(record: &Record, test: &Test, target: &Target) -> bool {
    let of = |result: &&Measurement| result.test == test.id && result.target == target.name;
    summary::fails(&record.results.iter().filter(of).collect::<Vec<_>>())
}
