//! How a number changes from snapshot to snapshot.

/// The change from each value to the next.
pub(in crate::audit) fn differences(values: &[isize]) -> Vec<isize> {
    values.windows(2).map(|pair| pair[1] - pair[0]).collect()
}

/// The change, if it is equal in every window.
pub(in crate::audit) fn steady(changes: &[isize]) -> Option<isize> {
    let (&first, rest) = changes.split_first()?;
    rest.iter().all(|&change| change == first).then_some(first)
}
