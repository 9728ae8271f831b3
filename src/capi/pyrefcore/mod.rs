//! Our own names, `pyrefcore_…`.

pub mod audit;
pub mod edges;
pub mod findings;
pub mod gc;
pub mod guard;
pub mod live;
pub mod memory;
pub mod report;
pub mod snapshot;
pub mod trace;
pub mod who;
