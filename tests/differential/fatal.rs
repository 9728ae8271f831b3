//! What ends the process: the signal and the text must agree.

use crate::side::Side;

pub(crate) fn count(_sides: [&'static Side; 2]) -> usize {
    0
}

pub(crate) fn compare(_sides: [&'static Side; 2]) -> usize {
    0
}
