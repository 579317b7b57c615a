//! What the pool promises, with real Argon2 runs.

use super::*;

fn pool(workers: usize, queue: usize) -> Passwords {
    Passwords::start(Limits { workers, queue, deadline: Duration::from_secs(60) }).unwrap()
}

async fn verify(passwords: &Passwords, password: &Secret, stored: Option<&str>) -> Result<Verdict, Busy> {
    let place = passwords.place(true).ok_or(Busy)?;
    passwords.verify(place, password, stored).await
}

fn stored(cost: Cost, password: &str) -> String {
    let salt = [7; SALT];
    let hash = argon2id(&mut Vec::new(), password.as_bytes(), cost, &salt, OUTPUT).unwrap();
    Stored { cost, salt: salt.to_vec(), hash: hash.to_vec() }.spell()
}

#[test]
fn fm_121_argon2id_gives_what_the_reference_gives() {
    // argon2 -id -t 2 -k 65536 -p 1 of the reference implementation: "password", "somesalt".
    let cost = Cost { memory_kib: 65_536, passes: 2, lanes: 1 };
    let mut memory = Vec::new();
    for _ in 0..2 {
        let hash = argon2id(&mut memory, b"password", cost, b"somesalt", 32).unwrap();
        let spelled: String = hash.iter().map(|b| format!("{b:02x}")).collect();
        assert_eq!(spelled, "09316115d5cf24ed5a15a31a3ba326e5cf32edc24702987c02b6566f61913cf7");
    }
}

#[test]
fn fm_121_memory_that_was_used_before_changes_no_hash() {
    let mut memory = Vec::new();
    let small = Cost { memory_kib: 1_024, passes: 1, lanes: 1 };
    for cost in [TODAY, small, TODAY] {
        let fresh = argon2id(&mut Vec::new(), b"open sesame", cost, b"eight bytes", 32).unwrap();
        assert_eq!(*argon2id(&mut memory, b"open sesame", cost, b"eight bytes", 32).unwrap(), *fresh);
    }
    assert_eq!(memory.len(), 19_456);
}

#[tokio::test]
async fn fm_96_every_check_costs_exactly_one_run() {
    let passwords = pool(1, 8);
    let right = Secret::new("correct horse");
    let hash = passwords.hash(&right, [1; SALT]).await.unwrap();
    assert_eq!(passwords.runs(), 1);
    assert!(hash.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"), "{hash}");
    let overlong = Secret::new("x".repeat(LONGEST + 1));
    let wrong = Secret::new("correct house");
    let absurd = hash.replace("m=19456", "m=4000000");
    for (password, stored, verdict) in [
        (&right, Some(&*hash), Verdict::Right { needs_rehash: false }),
        (&wrong, Some(&*hash), Verdict::Wrong),
        (&right, None, Verdict::Wrong),
        (&right, Some(&*absurd), Verdict::Wrong),
        (&right, Some("not a hash"), Verdict::Wrong),
        (&overlong, Some(&*hash), Verdict::Wrong),
        (&overlong, None, Verdict::Wrong),
    ] {
        let before = passwords.runs();
        assert_eq!(verify(&passwords, password, stored).await, Ok(verdict));
        assert_eq!(passwords.runs(), before + 1);
    }
}

#[tokio::test]
async fn fm_121_the_longest_password_counts_whole() {
    let passwords = pool(1, 8);
    let longest = Secret::new("x".repeat(LONGEST));
    let hash = passwords.hash(&longest, [1; SALT]).await.unwrap();
    assert_eq!(verify(&passwords, &longest, Some(&hash)).await, Ok(Verdict::Right { needs_rehash: false }));
    let almost = Secret::new(format!("{}y", "x".repeat(LONGEST - 1)));
    assert_eq!(verify(&passwords, &almost, Some(&hash)).await, Ok(Verdict::Wrong));
}

#[tokio::test]
async fn fm_96_a_hash_with_older_parameters_is_right_and_asks_to_be_made_again() {
    let passwords = pool(1, 8);
    let password = Secret::new("correct horse");
    for cost in [Cost { memory_kib: 1_024, ..TODAY }, Cost { passes: 1, ..TODAY }, Cost { lanes: 2, ..TODAY }] {
        let hash = stored(cost, password.expose());
        assert_eq!(verify(&passwords, &password, Some(&hash)).await, Ok(Verdict::Right { needs_rehash: true }));
    }
    let hash = stored(TODAY, password.expose());
    assert_eq!(verify(&passwords, &password, Some(&hash)).await, Ok(Verdict::Right { needs_rehash: false }));
}

#[test]
fn fm_121_the_command_line_makes_hashes_that_the_server_takes() {
    let hash = hash_once(&Secret::new("correct horse"), [9; SALT]).unwrap();
    assert_eq!(Stored::parse(&hash).unwrap().cost, TODAY);
    assert_eq!(hash_once(&Secret::new("correct horse"), [9; SALT]).unwrap(), hash);
    assert_ne!(hash_once(&Secret::new("correct horse"), [8; SALT]).unwrap(), hash);
}

#[tokio::test]
async fn fm_121_a_full_queue_answers_busy_and_never_grows() {
    // No worker ever takes a job, so the queue is exactly as full as we make it.
    let passwords = Passwords::start(Limits { workers: 0, queue: 3, deadline: Duration::from_secs(60) }).unwrap();
    let password = Secret::new("correct horse");
    let mut waiting = Vec::new();
    for _ in 0..3 {
        let (passwords, password) = (passwords.clone(), password.clone());
        waiting.push(tokio::spawn(async move { verify(&passwords, &password, None).await }));
        tokio::task::yield_now().await;
    }
    assert_eq!(verify(&passwords, &password, None).await, Err(Busy));
    assert_eq!(passwords.hash(&password, [1; SALT]).await, Err(Busy));
    // Callers who leave free their slots: their jobs were not begun and never will be.
    for waiter in waiting {
        waiter.abort();
        let _ = waiter.await;
    }
    let patient = tokio::spawn({
        let (passwords, password) = (passwords.clone(), password.clone());
        async move { verify(&passwords, &password, None).await }
    });
    tokio::task::yield_now().await;
    assert!(!patient.is_finished(), "there is room again");
    patient.abort();
    assert_eq!(passwords.runs(), 0);
}

#[tokio::test]
async fn fm_102_a_quarter_of_the_queue_is_kept_for_browsers_that_are_known() {
    let passwords = Passwords::start(Limits { workers: 0, queue: 8, deadline: Duration::from_secs(60) }).unwrap();
    let mut waiting = Vec::new();
    for strangers in 0..8 {
        assert_eq!(passwords.place(false).is_some(), strangers < 6, "{strangers}");
        assert!(passwords.place(true).is_some(), "{strangers}");
        let passwords = passwords.clone();
        waiting.push(tokio::spawn(async move { verify(&passwords, &Secret::new("correct horse"), None).await }));
        tokio::task::yield_now().await;
    }
    assert!(passwords.place(true).is_none());
    for waiter in waiting {
        waiter.abort();
        let _ = waiter.await;
    }
    assert!(passwords.place(false).is_some(), "who has left takes no place");
}

#[tokio::test]
async fn fm_121_a_caller_does_not_wait_longer_than_the_deadline() {
    let passwords = Passwords::start(Limits { workers: 0, queue: 3, deadline: Duration::from_millis(20) }).unwrap();
    assert_eq!(verify(&passwords, &Secret::new("correct horse"), None).await, Err(Busy));
}

#[tokio::test]
async fn fm_121_a_flood_is_worked_off_by_the_workers_alone() {
    let passwords = pool(2, 64);
    let hash = passwords.hash(&Secret::new("correct horse"), [1; SALT]).await.unwrap();
    let tries: Vec<_> = (0..16)
        .map(|i| {
            let (passwords, hash) = (passwords.clone(), hash.clone());
            let password = Secret::new(if i % 2 == 0 { "correct horse" } else { "wrong horse" });
            tokio::spawn(async move { verify(&passwords, &password, Some(&hash)).await })
        })
        .collect();
    for (i, one) in tries.into_iter().enumerate() {
        let expected = if i % 2 == 0 { Verdict::Right { needs_rehash: false } } else { Verdict::Wrong };
        assert_eq!(one.await.unwrap(), Ok(expected));
    }
    assert_eq!(passwords.runs(), 17);
}
