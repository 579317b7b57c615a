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
