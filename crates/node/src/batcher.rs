//! Many callers, few exchanges.

use std::collections::VecDeque;
use std::fmt;
use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use shardstore::StoreError;
use tokio::sync::{Semaphore, mpsc, oneshot};

/// Gathers what callers ask while exchanges are under way into batches, in order.
///
/// Nothing waits for a batch to fill: while fewer than `exchanges_max` exchanges are under way the next batch leaves
/// at once, with what is there.
pub(crate) struct Batcher<Q, A> {
    queue: mpsc::Sender<Question<Q, A>>,
}

/// What bounds a batch.
#[derive(Clone, Copy, Debug)]
pub(crate) struct BatchLimits {
    /// Questions in one exchange.
    pub(crate) questions_max: usize,
    /// Bytes in one exchange; a single longer question still travels, alone.
    pub(crate) bytes_max: usize,
    /// Exchanges under way at once.
    pub(crate) exchanges_max: usize,
}

struct Question<Q, A> {
    question: Q,
    bytes: usize,
    answer: oneshot::Sender<Result<A, StoreError>>,
}

impl<Q: Send + 'static, A: Send + 'static> Batcher<Q, A> {
    /// Starts the task that forms batches. It ends with the batcher. `exchange` answers a batch in order.
    pub(crate) fn start<F, Fut>(limits: BatchLimits, exchange: F) -> Self
    where
        F: Fn(Vec<Q>) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = Vec<Result<A, StoreError>>> + Send + 'static,
    {
        let (queue, questions) = mpsc::channel(QUEUE_MAX);
        tokio::spawn(form_batches(limits, questions, Arc::new(exchange)));
        Self { queue }
    }

    /// Asks, and waits for the answer at most [`ANSWER_TIMEOUT`].
    pub(crate) async fn ask(&self, question: Q, bytes: usize) -> Result<A, StoreError> {
        let (answer, answered) = oneshot::channel();
        let asked = async {
            self.queue
                .send(Question {
                    question,
                    bytes,
                    answer,
                })
                .await
                .map_err(|_| gone())?;
            answered.await.map_err(|_| gone())?
        };
        let timed_out = |_| StoreError::Unavailable {
            reason: "no answer in time".to_owned(),
        };
        tokio::time::timeout(ANSWER_TIMEOUT, asked)
            .await
            .unwrap_or_else(|elapsed| Err(timed_out(elapsed)))
    }
}

impl<Q, A> fmt::Debug for Batcher<Q, A> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Batcher").finish_non_exhaustive()
    }
}

async fn form_batches<Q, A, F, Fut>(
    limits: BatchLimits,
    mut questions: mpsc::Receiver<Question<Q, A>>,
    exchange: Arc<F>,
) where
    Q: Send + 'static,
    A: Send + 'static,
    F: Fn(Vec<Q>) -> Fut + Send + Sync + 'static,
    Fut: Future<Output = Vec<Result<A, StoreError>>> + Send + 'static,
{
    let under_way = Arc::new(Semaphore::new(limits.exchanges_max));
    let mut waiting = VecDeque::new();
    loop {
        if waiting.is_empty() {
            let Some(question) = questions.recv().await else {
                return;
            };
            waiting.push_back(question);
        }
        let Ok(permit) = Arc::clone(&under_way).acquire_owned().await else {
            return;
        };
        while let Ok(question) = questions.try_recv() {
            waiting.push_back(question);
            if waiting.len() >= QUEUE_MAX {
                break;
            }
        }
        // Whoever gave up waiting (a hedged read that is no longer needed) costs no exchange.
        waiting.retain(|question| !question.answer.is_closed());
        let batch = next_batch(limits, &mut waiting);
        if batch.is_empty() {
            continue;
        }
        let exchange = Arc::clone(&exchange);
        tokio::spawn(async move {
            let _permit = permit;
            let (questions, answers): (Vec<_>, Vec<_>) = batch
                .into_iter()
                .map(|question| (question.question, question.answer))
                .unzip();
            for (result, answer) in exchange(questions).await.into_iter().zip(answers) {
                let _ = answer.send(result);
            }
        });
    }
}

fn next_batch<Q, A>(limits: BatchLimits, waiting: &mut VecDeque<Question<Q, A>>) -> Vec<Question<Q, A>> {
    let mut batch = Vec::new();
    let mut bytes = 0;
    while let Some(next) = waiting.front() {
        bytes += next.bytes;
        let is_full = batch.len() == limits.questions_max || bytes > limits.bytes_max;
        if is_full && !batch.is_empty() {
            break;
        }
        batch.extend(waiting.pop_front());
    }
    batch
}

fn gone() -> StoreError {
    StoreError::Unavailable {
        reason: "the exchange was given up".to_owned(),
    }
}

/// Callers beyond it wait to ask.
const QUEUE_MAX: usize = 1024;

/// Longest wait for an answer, time in the queue included.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(30);

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use super::*;

    const LIMITS: BatchLimits = BatchLimits {
        questions_max: 4,
        bytes_max: 100,
        exchanges_max: 1,
    };

    #[tokio::test]
    async fn what_waits_travels_together_in_order_and_within_limits() {
        let batches = Arc::new(Mutex::new(Vec::new()));
        let seen = Arc::clone(&batches);
        let batcher = Batcher::start(LIMITS, move |questions: Vec<u32>| {
            seen.lock().expect("not poisoned").push(questions.clone());
            async move { questions.into_iter().map(|question| Ok(question * 10)).collect() }
        });
        let asks = (0..8_u32).map(|n| batcher.ask(n, if n < 6 { 20 } else { 90 }));
        let answers: Vec<_> = futures_util::future::join_all(asks).await;
        assert_eq!(answers, [0, 10, 20, 30, 40, 50, 60, 70].map(Ok));
        assert_eq!(
            *batches.lock().expect("not poisoned"),
            [vec![0, 1, 2, 3], vec![4, 5], vec![6], vec![7]]
        );
    }

    #[tokio::test(start_paused = true)]
    async fn a_question_is_not_waited_for_without_end() {
        let batcher = Batcher::start(LIMITS, |_: Vec<u32>| {
            std::future::pending::<Vec<Result<u32, StoreError>>>()
        });
        let error = batcher.ask(1, 1).await.expect_err("nobody answers");
        assert_eq!(
            error,
            StoreError::Unavailable {
                reason: "no answer in time".to_owned()
            }
        );
    }
}
