//! What the service manager is told, by the protocol of `sd_notify(3)`. Without one (`NOTIFY_SOCKET`) all of
//! this does nothing.

use std::io;
use std::sync::mpsc::{SyncSender, sync_channel};
use std::thread;
use std::time::{Duration, Instant};

use sd_notify::NotifyState;

use crate::server::HealthHandle;
use crate::terminal::Lines;

/// How often a worker is looked at that was asked to move.
const LOOK_AGAIN: Duration = Duration::from_millis(5);

/// How long the old process waits for the manager to take the word that another one is the service.
const REPLACED_WITHIN: Duration = Duration::from_secs(2);

/// How many words may wait for a manager that does not listen; more are dropped.
const WORDS_MAX: usize = 16;

/// Speaks to the service manager on a thread of its own: only that one waits for a manager that does not listen.
#[derive(Clone, Debug)]
pub(super) struct Supervisor(Option<SyncSender<Message>>);

#[derive(Debug)]
enum Message {
    Word(String),
    /// Reached when every word before it was taken.
    Mark(SyncSender<()>),
}

impl Supervisor {
    /// Starts the thread, if there is a manager.
    ///
    /// # Errors
    ///
    /// When there is no thread to be had.
    pub(super) fn start() -> io::Result<Self> {
        if std::env::var_os("NOTIFY_SOCKET").is_none() {
            return Ok(Self(None));
        }
        let (sender, messages) = sync_channel(WORDS_MAX);
        let thread = thread::Builder::new().name("hullo-notify".to_owned());
        thread.spawn(move || {
            for message in messages {
                // A manager that is gone, or who waited and does no more, does not stop the service.
                match message {
                    Message::Word(word) => drop(sd_notify::notify(&[NotifyState::Custom(&word)])),
                    Message::Mark(reached) => drop(reached.send(())),
                }
            }
        })?;
        Ok(Self(Some(sender)))
    }

    /// The service serves.
    pub(super) fn ready(&self, status: &str) {
        self.tell(&[NotifyState::Ready, NotifyState::Status(status)]);
    }

    /// Another process is being started in place of this one.
    pub(super) fn reloading(&self, status: &str) {
        // systemd 253 and later wants the time, to tell this reload from the one before.
        if let Ok(now) = NotifyState::monotonic_usec_now() {
            self.tell(&[NotifyState::Reloading, now, NotifyState::Status(status)]);
        }
    }

    /// From now on another process is the service. The manager has to know before this one ends.
    pub(super) fn replaced(&self, process: u32, status: &str) {
        // It may not say so itself: unless NotifyAccess= allows more, only the main process is listened to.
        self.tell(&[
            NotifyState::MainPid(process),
            NotifyState::Ready,
            NotifyState::Status(status),
        ]);
        let (reached, mark) = sync_channel(1);
        if let Some(messages) = &self.0
            && messages.try_send(Message::Mark(reached)).is_ok()
        {
            let _ = mark.recv_timeout(REPLACED_WITHIN);
        }
    }

    /// The service drains, and ends then.
    pub(super) fn stopping(&self, status: &str) {
        self.tell(&[NotifyState::Stopping, NotifyState::Status(status)]);
    }

    fn tell(&self, states: &[NotifyState<'_>]) {
        if let Some(messages) = &self.0 {
            let lines: Vec<String> = states.iter().map(ToString::to_string).collect();
            let _ = messages.try_send(Message::Word(lines.join("\n")));
        }
    }
}

/// Tells the manager three times in each period of its watchdog that the server is alive, if every worker has
/// taken a turn meanwhile. One that is stuck makes the manager restart the service.
///
/// # Errors
///
/// When there is no thread to be had.
pub(super) fn feed_watchdog(health: HealthHandle, stderr: Lines) -> io::Result<()> {
    let Some(period) = sd_notify::watchdog_enabled() else {
        return Ok(());
    };
    let thread = thread::Builder::new().name("hullo-watchdog".to_owned());
    thread.spawn(move || {
        let mut was_stuck = false;
        loop {
            let stuck = look(&health, period / 3);
            if stuck.is_empty() {
                let _ = sd_notify::notify(&[NotifyState::Watchdog]);
            } else if !was_stuck {
                stderr.put(format!(
                    "hullo: stuck: workers {stuck:?} have taken no turn in {:?}; the watchdog is not fed",
                    period / 3
                ));
            }
            was_stuck = !stuck.is_empty();
        }
    })?;
    Ok(())
}

/// Which workers, from 0, do not take a turn within this time, which it takes.
fn look(health: &HealthHandle, time: Duration) -> Vec<usize> {
    let start = Instant::now();
    let check = health.check();
    while !check.stalled().is_empty() && start.elapsed() < time {
        thread::sleep(LOOK_AGAIN);
    }
    let stalled = check.stalled();
    thread::sleep(time.saturating_sub(start.elapsed()));
    stalled
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;
    use std::net::TcpStream;
    use std::num::NonZeroUsize;
    use std::sync::{Arc, Mutex};

    use super::*;
    use crate::http::handler_fn;
    use crate::server::{Options, Server};

    #[test]
    fn a_worker_that_is_stuck_is_found_and_one_that_sleeps_is_not() {
        let gate = Arc::new(Mutex::new(()));
        let wait = Arc::clone(&gate);
        let options = Options::default()
            .address(([127, 0, 0, 1], 0).into())
            .workers(NonZeroUsize::new(2).unwrap());
        let server = Server::bind(options).unwrap();
        let running = server.start_with(|_| {
            let wait = Arc::clone(&wait);
            handler_fn(move |_, response| {
                drop(wait.lock());
                response.text(&[b"done"])
            })
        });
        let running = running.unwrap();
        let health = running.health_handle();
        let time = Duration::from_millis(200);
        assert!(look(&health, time).is_empty(), "both sleep");
        let closed = gate.lock().unwrap();
        let mut stream = TcpStream::connect(running.local_addr()).unwrap();
        stream
            .write_all(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")
            .unwrap();
        thread::sleep(time);
        assert_eq!(look(&health, time).len(), 1);
        drop(closed);
        thread::sleep(time);
        assert!(look(&health, time).is_empty());
        running.stop().unwrap();
    }
}
