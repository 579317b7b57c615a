//! Work that is finished though nobody waits for its answer any more: the end of a way to a host and back, and a credential
//! that is being tried.
//!
//! Owns how much of it is under way, so that a server which is to end can wait for it: a spent code and live tokens would be
//! lost with it. How long it waits is `serve`'s.

use std::sync::Arc;
use tokio::sync::watch;
use tokio::task::JoinHandle;

/// What is under way.
#[derive(Clone)]
pub struct UnderWay(Arc<watch::Sender<usize>>);

impl Default for UnderWay {
    fn default() -> UnderWay {
        UnderWay(Arc::new(watch::Sender::new(0)))
    }
}

impl UnderWay {
    /// Does `work` in a task of its own, which a caller who hangs up does not end.
    pub fn spawn<T: Send + 'static>(&self, work: impl Future<Output = T> + Send + 'static) -> JoinHandle<T> {
        self.0.send_modify(|count| *count += 1);
        // Counted down by whatever way the task ends, a panic too.
        let counted = Counted(self.0.clone());
        tokio::spawn(async move {
            let _counted = counted;
            work.await
        })
    }

    /// Waits until nothing is under way.
    pub async fn ended(&self) {
        // Nobody takes the sender away while we hold it.
        let _ = self.0.subscribe().wait_for(|count| *count == 0).await;
    }
}

struct Counted(Arc<watch::Sender<usize>>);

impl Drop for Counted {
    fn drop(&mut self) {
        self.0.send_modify(|count| *count -= 1);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::time::Duration;

    #[tokio::test]
    async fn what_is_under_way_is_waited_for_however_it_ends() {
        let under_way = UnderWay::default();
        under_way.ended().await;
        let done = Arc::new(AtomicUsize::new(0));
        for (ms, breaks) in [(30, false), (60, true)] {
            let done = done.clone();
            drop(under_way.spawn(async move {
                tokio::time::sleep(Duration::from_millis(ms)).await;
                done.fetch_add(1, Ordering::Relaxed);
                assert!(!breaks, "on purpose");
            }));
        }
        under_way.ended().await;
        assert_eq!(done.load(Ordering::Relaxed), 2);
    }
}
