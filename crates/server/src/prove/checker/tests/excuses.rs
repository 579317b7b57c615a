//! Histories in which something is gone, or no answer came: what excuses it, and what does not.

use super::*;

/// A code refused to two clients at once, who cannot both have been the second.
#[test]
fn a_code_that_is_refused_to_everybody_is_found() {
    let issued = || Script::default().then(issue(Done(CODE)));
    issued().then(redeem(Refused)).beside(redeem(Refused)).breaks(lost);
    issued().then(redeem(Refused)).then(redeem(Done(tokens(0)))).breaks(lost);
    issued().then(redeem(Done(tokens(0)))).beside(redeem(Refused)).then(show(0, Refused)).honest();
    issued().then(redeem(Refused)).beside(redeem(Done(tokens(0)))).then(show(0, Refused)).honest();
}

#[test]
fn a_lost_family_is_excused_only_by_what_may_have_ended_it() {
    let issued = || Script::default().then(issue(Done(CODE)));
    let cut_off = || redeem(Outcome::Unknown(LOST));
    // Cut off, and over before the success began: that was no replay.
    issued().then(cut_off()).then(redeem(Done(tokens(0)))).then(show(0, Refused)).breaks(lost);
    issued().then(cut_off()).then(redeem(Done(tokens(0)))).then(refresh(0, Refused)).breaks(lost);
    // Cut off while the success came, or after it: it may have been one.
    issued().then(redeem(Done(tokens(0)))).beside(cut_off()).then(show(0, Refused)).honest();
    issued().then(redeem(Done(tokens(0)))).then(cut_off()).then(show(0, Refused)).honest();
    // A replay excuses nothing that was refused before it began, and nothing when its client was refused itself.
    issued().then(redeem(Done(tokens(0)))).then(show(0, Refused)).then(cut_off()).breaks(lost);
    let key = Subject::Key(SECRET);
    issued().then(redeem(Done(tokens(0)))).then(end(key)).then(cut_off()).then(show(0, Refused)).breaks(lost);

    let again = |n| refresh(n, Outcome::Unknown(LOST));
    let once = || Script::begun().then(refresh(0, Done(tokens(1))));
    // The same generation again, while its successor is unused, ends nothing; nor does a success.
    once().then(again(0)).then(show(1, Refused)).breaks(lost);
    once().then(refresh(0, Done(tokens(1)))).then(show(1, Refused)).breaks(lost);
    once().then(again(0)).then(again(1)).then(show(1, Refused)).breaks(lost);
    once().then(refresh(0, Done(tokens(1)))).then(again(1)).then(show(1, Refused)).breaks(lost);
    // After the successor's use it may have.
    once().then(again(1)).then(again(0)).then(show(1, Refused)).honest();
    once().then(again(1)).beside(again(0)).then(show(1, Refused)).honest();
    // Nor does anything that was refused for its client's sake.
    once().then(end(key)).then(refresh(1, Refused)).then(again(0)).then(show(1, Refused)).breaks(lost);
}

#[test]
fn what_is_broken_after_a_crash_is_found() {
    let crash = || Script::begun().then(refresh(0, Done(tokens(1)))).then(What::Outage);
    crash().then(refresh(0, Done(tokens(1)))).then(refresh(0, Done(tokens(1)))).then(show(1, Done(()))).honest();
    crash().then(refresh(0, Done(tokens(1)))).then(refresh(0, Done(tokens(5)))).breaks(forked);
    crash().then(refresh(0, Done(tokens(5)))).breaks(forked);
    crash().then(redeem(Done(tokens(5)))).breaks(spent_twice);
    let used = || crash().then(refresh(1, Done(tokens(2))));
    used().then(refresh(0, Refused)).then(redeem(Refused)).then(show(2, Refused)).honest();
    used().then(refresh(0, Done(tokens(1)))).breaks(|v| *v == Violation::StaleGeneration { presented: 200 });
    used().then(refresh(0, Refused)).then(show(2, Done(()))).breaks(alive(Subject::Family(CODE)));
    used().then(redeem(Refused)).then(show(1, Done(()))).breaks(alive(Subject::Family(CODE)));
}

#[test]
fn an_answer_that_promises_nothing_is_found_where_nothing_excuses_it() {
    for (doubt, excused) in [
        (Doubt::NoAnswer, true),
        (Doubt::Answered(503), true),
        (Doubt::Answered(500), false),
        (Doubt::Answered(502), false),
        (Doubt::Answered(429), false),
        (Doubt::Answered(200), false),
    ] {
        let what = show(0, Outcome::Unknown(doubt));
        let alone = Script::begun().then(what.clone()).events;
        let at = alone[2].span;
        assert_eq!(check(&alone), [Violation::Unanswered { doubt, at }]);
        let during = Script::begun().then(What::Outage).beside(what.clone()).events;
        assert_eq!(check(&during).is_empty(), excused, "{doubt:?} while the server was down");
        for events in [
            Script::begun().then(What::Outage).then(what.clone()).events,
            Script::begun().then(what).then(What::Outage).events,
        ] {
            assert!(!check(&events).is_empty(), "{doubt:?} while the server was up");
        }
    }
    // Whatever it was that was asked.
    let doubt = Doubt::Answered(500);
    let person = Subject::Person(PERSON);
    for what in [
        issue(Outcome::Unknown(doubt)),
        redeem(Outcome::Unknown(doubt)),
        refresh(0, Outcome::Unknown(doubt)),
        sign_in(Outcome::Unknown(doubt)),
        stay(Outcome::Unknown(doubt)),
        What::End { subject: person, outcome: Outcome::Unknown(doubt) },
        What::Restore { subject: person, outcome: Outcome::Unknown(doubt) },
        What::Cut { subject: person, outcome: Outcome::Unknown(doubt) },
    ] {
        assert!(!check(&Script::begun().then(what.clone()).events).is_empty(), "{what:?}");
    }
    assert_eq!(check(&Script::begun().events), []);
}

#[test]
fn what_was_acknowledged_and_is_gone_is_found() {
    Script::begun().then(show(0, Refused)).breaks(lost);
    Script::begun().then(refresh(0, Refused)).breaks(lost);
    Script::default().then(issue(Done(CODE))).then(redeem(Refused)).breaks(lost);
    Script::default().then(issue(Refused)).breaks(lost);
    let person = Subject::Person(PERSON);
    Script::default().then(end(person)).then(restore(person)).then(issue(Refused)).breaks(lost);
    // The answer that was cut off may have spent it.
    Script::default().then(issue(Done(CODE))).then(redeem(Outcome::Unknown(LOST))).then(redeem(Refused)).honest();
    // Not so a generation: who asks again before using the successor gets the same answer.
    Script::begun().then(refresh(0, Outcome::Unknown(LOST))).then(refresh(0, Done(tokens(1)))).honest();
    Script::begun().then(refresh(0, Outcome::Unknown(LOST))).then(refresh(0, Refused)).breaks(lost);
    Script::begun().then(refresh(0, Done(tokens(1)))).beside(refresh(0, Refused)).breaks(lost);
    // But the trade that was cut off takes nothing away from what was there before.
    Script::begun().then(refresh(0, Outcome::Unknown(LOST))).then(show(0, Refused)).breaks(lost);
    // An answer that promises nothing is no loss.
    Script::begun().then(show(0, Outcome::Unknown(LOST))).then(refresh(0, Outcome::Unknown(LOST))).honest();
}

/// A client that shows a secret which was removed guesses, as far as the server can see.
#[test]
fn a_client_whose_secret_was_removed_may_be_told_to_wait_and_nobody_else_may() {
    let wait = || Outcome::Unknown(Doubt::Answered(429));
    let (key, other) = (Subject::Key(SECRET), Subject::Key(PASSWORD));
    for told in [refresh(0, wait()), redeem(wait())] {
        assert_eq!(check(&Script::begun().then(end(key)).then(told.clone()).events), [], "{told:?}");
        assert_eq!(check(&Script::begun().then(end(key)).beside(told.clone()).events), [], "{told:?}");
        let refused = What::End { subject: key, outcome: Refused };
        for script in [
            Script::begun().then(told.clone()),
            Script::begun().then(told.clone()).then(end(key)),
            Script::begun().then(end(other)).then(told.clone()),
            Script::begun().then(refused).then(told.clone()),
        ] {
            assert!(!check(&script.events).is_empty(), "{told:?}");
        }
    }
    // Not so whatever else is asked, and a wait is no way in.
    for told in [show(0, Outcome::Unknown(Doubt::Answered(429))), sign_in(Outcome::Unknown(Doubt::Answered(429)))] {
        assert!(!check(&Script::begun().then(end(key)).then(told.clone()).events).is_empty(), "{told:?}");
    }
    let again = Script::begun().then(end(key)).then(refresh(0, wait())).then(refresh(0, Done(tokens(1))));
    assert!(check(&again.events).iter().any(alive(key)));
}

#[test]
fn an_end_that_was_refused_ends_nothing_and_excuses_nothing() {
    let refused = |subject| What::End { subject, outcome: Refused };
    for subject in [Subject::Person(PERSON), Subject::Session(4)] {
        Script::begun().then(refused(subject)).then(show(0, Done(()))).honest();
        Script::begun().then(refused(subject)).then(show(0, Refused)).breaks(lost);
        Script::begun().then(What::Cut { subject, outcome: Refused }).then(show(0, Refused)).breaks(lost);
        // Nor does a switching on that was refused give another life to what comes after it.
        let on = What::Restore { subject, outcome: Refused };
        Script::begun().then(end(subject)).then(on).then(issue(Done(CODE + 1))).breaks(alive(subject));
    }
    for subject in [Subject::Family(CODE), Subject::Token(100)] {
        Script::begun().then(refused(subject)).then(show(0, Refused)).breaks(lost);
    }
}

#[test]
fn which_families_have_certainly_ended_is_told_with_their_tokens() {
    let told = |script: Script| ended(&script.events).remove(&CODE);
    let all = Some(vec![100, 200, 101, 201]);
    let begun = || Script::begun().then(refresh(0, Done(tokens(1))));
    let person = Subject::Person(PERSON);
    assert_eq!(told(begun()), None);
    assert_eq!(told(begun().then(end(person))), all);
    assert_eq!(told(begun().then(end(person)).then(restore(person))), all);
    assert_eq!(told(begun().then(redeem(Refused))), all, "a replay");
    assert_eq!(told(begun().then(end(Subject::Token(100)))), None);
    assert_eq!(told(begun().then(What::End { subject: person, outcome: Outcome::Unknown(LOST) })), None);
}
