//! A second thread, which works only while the first one waits for it: what a sequence does is the same each time.
//!
//! A thread that waits is not attached to CPython, which could not stop it otherwise where it stops the world.

use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread::JoinHandle;

use crate::library::Symbol;
use crate::side::Side;

/// What the thread is to do next. The caller waits until it is done, so nothing of it ends too early.
struct Work(&'static dyn Fn());

// SAFETY: the thread that has made it waits meanwhile.
unsafe impl Send for Work {}

pub(crate) struct OtherThread {
    sides: [&'static Side; 2],
    work: Option<Sender<Work>>,
    done: Receiver<()>,
    thread: Option<JoinHandle<()>>,
}

/// As much stack as the first thread has.
const STACK: usize = 8 << 20;

impl OtherThread {
    /// Starts it. CPython stops the world for its first thread, and the one that waits must not be in it.
    pub(crate) fn start(sides: [&'static Side; 2]) -> Self {
        let (work, todo) = channel::<Work>();
        let (tell, done) = channel();
        let theirs = sides[1];
        let main = theirs.call(Symbol::PyEval_SaveThread, &[]);
        let body = move || {
            let state = theirs.call(Symbol::PyGILState_Ensure, &[]);
            let mut own = theirs.call(Symbol::PyEval_SaveThread, &[]);
            tell.send(()).expect("the first thread waits");
            while let Ok(Work(act)) = todo.recv() {
                theirs.call(Symbol::PyEval_RestoreThread, &[own]);
                act();
                own = theirs.call(Symbol::PyEval_SaveThread, &[]);
                tell.send(()).expect("the first thread waits");
            }
            theirs.call(Symbol::PyEval_RestoreThread, &[own]);
            theirs.enter();
            theirs.call(Symbol::PyGILState_Release, &[state]);
            // What is left to do here is done by ours, when the C library ends the thread.
            sides[0].enter();
        };
        let thread = std::thread::Builder::new()
            .stack_size(STACK)
            .spawn(body)
            .expect("a thread can be started");
        done.recv().expect("the thread starts");
        theirs.call(Symbol::PyEval_RestoreThread, &[main]);
        Self {
            sides,
            work: Some(work),
            done,
            thread: Some(thread),
        }
    }

    /// Does something there, and waits for it.
    pub(crate) fn run(&self, act: &dyn Fn()) {
        // SAFETY: this waits until the other thread has done with it.
        let act = unsafe { std::mem::transmute::<&dyn Fn(), &'static dyn Fn()>(act) };
        let theirs = self.sides[1];
        let own = theirs.call(Symbol::PyEval_SaveThread, &[]);
        self.work
            .as_ref()
            .expect("the thread has not ended")
            .send(Work(act))
            .expect("the thread waits");
        self.done.recv().expect("the thread goes on");
        theirs.call(Symbol::PyEval_RestoreThread, &[own]);
    }
}

impl Drop for OtherThread {
    /// Ends the thread, and with it what it owned.
    fn drop(&mut self) {
        drop(self.work.take());
        self.thread
            .take()
            .expect("it has not ended")
            .join()
            .expect("the thread ends");
        self.sides[0].enter();
    }
}
