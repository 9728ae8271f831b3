//! A second thread, which works only while the first one waits for it, so a sequence has the same effect each time.
//!
//! A waiting thread is detached from CPython; otherwise CPython could not stop the world.

use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread::JoinHandle;

use crate::library::Symbol;
use crate::side::Side;

/// The thread's next work. The caller waits until it is done, so everything that it borrows lives long enough.
struct Work(&'static dyn Fn());

// SAFETY: the thread that made the work waits while the other thread runs it, so they never use it at once.
unsafe impl Send for Work {}

pub(crate) struct OtherThread {
    sides: [&'static Side; 2],
    work: Option<Sender<Work>>,
    done: Receiver<()>,
    thread: Option<JoinHandle<()>>,
}

/// The usual stack size of a main thread.
const STACK: usize = 8 << 20;

impl OtherThread {
    /// Starts the thread. CPython may stop the world for it, so the waiting thread is detached.
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
            // When the C library ends the thread, our library merges its queue.
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

    /// Runs `act` on the other thread and waits for it.
    pub(crate) fn run(&self, act: &dyn Fn()) {
        // SAFETY: this function returns only after the other thread has finished with `act`.
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
    /// Ends the thread; our library then merges its queue.
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
