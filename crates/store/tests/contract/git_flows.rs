//! Flows to a Git host and back: bound to their person, project, host and code, landed once and taken once.

use crate::git_ground::Ground;
use crate::harness::{NOW, each_database};
use crate::world::{CALLERS, SECOND, guessed, race, secret_of};
use vestibule_oauth::id::Id;
use vestibule_oauth::secret::Digest;
use vestibule_store::git_flow_steps::{GitFlowRefusal, GitLanding, GitTaking, LandGitFlow, TakeGitFlow};
use vestibule_store::git_flows::{GIT_FLOW_MS, MOST_GIT_FLOWS, NewGitFlow, OpenGitFlow};
use vestibule_store::projects::Role;
use vestibule_store::upkeep::{MARGIN_MS, SWEEPS};

async fn land(ground: &Ground, flow: Id, landing: &GitLanding, at: i64) -> LandGitFlow {
    ground.store().land_git_flow(&secret_of(flow), landing, &ground.world.note(at)).await.expect("runs")
}

async fn take(ground: &Ground, flow: Id, taking: &GitTaking<'_>, at: i64) -> TakeGitFlow {
    ground.store().take_git_flow(&secret_of(flow), taking, &ground.world.note(at)).await.expect("runs")
}

async fn landed(ground: &Ground) -> Id {
    let flow = ground.open().await;
    assert!(matches!(land(ground, flow, &ground.landing(), NOW + 1).await, LandGitFlow::Landed(_)));
    flow
}

fn is_taken(taken: &TakeGitFlow) -> bool {
    matches!(taken, TakeGitFlow::Taken(_))
}

#[test]
fn a_flow_lands_and_is_taken_with_everything_that_it_was_opened_with() {
    each_database(async |store| {
        let ground = Ground::new(store).await;
        let flow = ground.open().await;
        let LandGitFlow::Landed(found) = land(&ground, flow, &ground.landing(), NOW + 1).await else { panic!("lands") };
        assert_eq!((found.id, found.project, found.project_name.as_str()), (flow, ground.project, "garden"));
        assert_eq!(
            (found.host.id, found.tag.as_deref(), found.expires_at),
            (ground.host, Some("intl"), NOW + GIT_FLOW_MS)
        );
        let TakeGitFlow::Taken(taken) = take(&ground, flow, &ground.taking(), NOW + 2).await else {
            panic!("is taken")
        };
        assert_eq!(taken, found);
        assert_eq!(taken.verifier, Some(ground.sealed("verifier")));
        assert_eq!(taken.redirect_uri, ground.new_flow().redirect_uri);
        let renews = Some(ground.world.id());
        let without = NewGitFlow { verifier: None, tag: None, renews, ..ground.new_flow() };
        ground.store().open_git_flow(&without, NOW).await.expect("runs");
        let LandGitFlow::Landed(found) = land(&ground, without.id, &ground.landing(), NOW).await else {
            panic!("lands")
        };
        assert_eq!((found.tag, found.verifier, found.renews), (None, None, renews));
    });
}

#[test]
fn st_120_fm_44_of_64_who_take_a_landed_flow_at_once_one_does() {
    each_database(async |store| {
        let ground = Ground::new(store).await;
        for _ in 0..5 {
            let flow = landed(&ground).await;
            let racing = ground.clone();
            let got = race(&ground.world, CALLERS, move |_, _| {
                let ground = racing.clone();
                async move { take(&ground, flow, &ground.taking(), NOW + 2).await }
            })
            .await;
            assert_eq!(got.iter().filter(|taken| is_taken(taken)).count(), 1);
            assert!(got.iter().all(|got| is_taken(got) || *got == TakeGitFlow::Refused(GitFlowRefusal::Taken)));
        }
        assert_eq!(ground.refusals().await.iter().filter(|why| *why == "taken").count(), 5 * (CALLERS - 1));
    });
}

#[test]
fn st_120_judging_a_flow_takes_nothing_and_says_what_taking_it_would() {
    each_database(async |store| {
        let ground = Ground::new(store).await;
        let judge = async |flow: Id, taking: GitTaking<'_>, at: i64| {
            let judged = ground.store().judge_git_flow(&secret_of(flow), &taking, &ground.world.note(at)).await;
            judged.expect("runs")
        };
        let (flow, good) = (ground.open().await, ground.taking());
        assert_eq!(judge(flow, good.clone(), NOW + 1).await, Some(GitFlowRefusal::NotLanded));
        assert!(matches!(land(&ground, flow, &ground.landing(), NOW + 1).await, LandGitFlow::Landed(_)));
        for (taking, why) in [
            (GitTaking { person: ground.world.id(), ..good.clone() }, GitFlowRefusal::OtherPerson),
            (GitTaking { project: ground.world.id(), ..good.clone() }, GitFlowRefusal::OtherProject),
            (GitTaking { kind_or_name: "gitee", ..good.clone() }, GitFlowRefusal::OtherHost),
            (GitTaking { tag: Some("home"), ..good.clone() }, GitFlowRefusal::OtherTag),
            (GitTaking { code: Digest::of(b"another"), ..good.clone() }, GitFlowRefusal::OtherCode),
        ] {
            assert_eq!(judge(flow, taking, NOW + 2).await, Some(why));
            assert_eq!(ground.refusals().await[0], why.name());
        }
        assert_eq!(judge(flow, good.clone(), NOW + GIT_FLOW_MS).await, Some(GitFlowRefusal::Over));
        assert_eq!(judge(ground.world.id(), good.clone(), NOW + 2).await, Some(GitFlowRefusal::Unknown));
        let told = ground.refusals().await.len();
        for _ in 0..2 {
            assert_eq!(judge(flow, good.clone(), NOW + 2).await, None);
        }
        assert_eq!(ground.refusals().await.len(), told);
        assert!(is_taken(&take(&ground, flow, &good, NOW + 2).await), "it is still there");
        assert_eq!(judge(flow, good, NOW + 2).await, Some(GitFlowRefusal::Taken));
    });
}

#[test]
fn st_120_of_two_who_land_a_flow_at_once_with_two_codes_one_does() {
    each_database(async |store| {
        let ground = Ground::new(store).await;
        for round in 0..20 {
            let flow = ground.open().await;
            let racing = ground.clone();
            let got = race(&ground.world, 2, move |_, n| {
                let ground = racing.clone();
                let landing = GitLanding { code: Digest::of(&[n as u8]), ..ground.landing() };
                async move { land(&ground, flow, &landing, NOW + 1).await }
            })
            .await;
            let winner = got.iter().position(|landed| matches!(landed, LandGitFlow::Landed(_))).expect("one lands");
            assert_eq!(got[1 - winner], LandGitFlow::Refused(GitFlowRefusal::LandedBefore), "round {round}");
            for n in [1 - winner, winner] {
                let taking = GitTaking { code: Digest::of(&[n as u8]), ..ground.taking() };
                assert_eq!(is_taken(&take(&ground, flow, &taking, NOW + 2).await), n == winner, "round {round}");
            }
        }
    });
}

#[test]
fn a_landing_that_is_called_up_again_shows_the_same_until_it_is_taken() {
    each_database(async |store| {
        let ground = Ground::new(store).await;
        let flow = landed(&ground).await;
        for _ in 0..2 {
            let again = land(&ground, flow, &ground.landing(), NOW + 2).await;
            assert!(matches!(&again, LandGitFlow::Again(found) if found.id == flow), "{again:?}");
        }
        let elsewhere = GitLanding { session: ground.world.id(), ..ground.landing() };
        let refused = land(&ground, flow, &elsewhere, NOW + 2).await;
        assert_eq!(refused, LandGitFlow::Refused(GitFlowRefusal::LandedBefore));
        assert!(is_taken(&take(&ground, flow, &ground.taking(), NOW + 2).await));
        let late = land(&ground, flow, &ground.landing(), NOW + 3).await;
        assert_eq!(late, LandGitFlow::Refused(GitFlowRefusal::Taken));
    });
}

#[test]
fn st_120_st_121_fm_40_fm_42_fm_44_a_flow_lands_only_for_its_person_at_the_address_of_its_host() {
    each_database(async |store| {
        let ground = Ground::new(store).await;
        let (flow, mallory) = (ground.open().await, ground.world.person("mallory").await);
        ground.join(ground.project, mallory).await;
        let other = ground.host(Some(ground.project), "other", |_| {}).await;
        let good = ground.landing();
        for (landing, why) in [
            (GitLanding { person: mallory, ..good.clone() }, GitFlowRefusal::OtherPerson),
            (GitLanding { host: other, ..good.clone() }, GitFlowRefusal::OtherHost),
        ] {
            assert_eq!(land(&ground, flow, &landing, NOW + 1).await, LandGitFlow::Refused(why));
            assert_eq!(ground.refusals().await[0], why.name());
        }
        let note = ground.world.note(NOW);
        let wrong = ground.store().land_git_flow(&guessed(flow), &good, &note).await.expect("runs");
        assert_eq!(wrong, LandGitFlow::Refused(GitFlowRefusal::Unknown), "another state of the same row");
        assert_eq!(land(&ground, ground.world.id(), &good, NOW).await, LandGitFlow::Refused(GitFlowRefusal::Unknown));
        let late = land(&ground, flow, &good, NOW + GIT_FLOW_MS).await;
        assert_eq!(late, LandGitFlow::Refused(GitFlowRefusal::Over));
        assert!(matches!(land(&ground, flow, &good, NOW + GIT_FLOW_MS - 1).await, LandGitFlow::Landed(_)));
    });
}

#[test]
fn st_120_st_121_fm_40_fm_43_fm_44_a_flow_is_taken_only_by_its_person_in_its_project_for_its_host_with_its_code() {
    each_database(async |store| {
        let ground = Ground::new(store).await;
        let (flow, mallory) = (ground.open().await, ground.world.person("mallory").await);
        let other = ground.project("orchard").await;
        ground.join(other, ground.alice).await;
        ground.tick(ground.host, other).await;
        let refused = async |taking: GitTaking<'_>, why: GitFlowRefusal| {
            assert_eq!(take(&ground, flow, &taking, NOW + 2).await, TakeGitFlow::Refused(why));
            assert_eq!(ground.refusals().await.iter().filter(|told| *told == why.name()).count(), 1);
        };
        let good = || ground.taking();
        refused(good(), GitFlowRefusal::NotLanded).await;
        assert!(matches!(land(&ground, flow, &ground.landing(), NOW + 1).await, LandGitFlow::Landed(_)));
        refused(GitTaking { person: mallory, ..good() }, GitFlowRefusal::OtherPerson).await;
        refused(GitTaking { project: other, ..good() }, GitFlowRefusal::OtherProject).await;
        refused(GitTaking { kind_or_name: "gitee", ..good() }, GitFlowRefusal::OtherHost).await;
        refused(GitTaking { tag: Some("mars"), ..good() }, GitFlowRefusal::OtherTag).await;
        refused(GitTaking { code: Digest::of(b"another code"), ..good() }, GitFlowRefusal::OtherCode).await;
        let note = ground.world.note(NOW);
        let wrong = ground.store().take_git_flow(&guessed(flow), &good(), &note).await.expect("runs");
        assert_eq!(wrong, TakeGitFlow::Refused(GitFlowRefusal::Unknown));
        let late = take(&ground, flow, &good(), NOW + GIT_FLOW_MS).await;
        assert_eq!(late, TakeGitFlow::Refused(GitFlowRefusal::Over));
        let named = GitTaking { kind_or_name: "HUB", tag: Some("intl"), ..good() };
        assert!(is_taken(&take(&ground, flow, &named, NOW + GIT_FLOW_MS - 1).await), "no wrong try has ended it");
        refused(good(), GitFlowRefusal::Taken).await;
    });
}

#[test]
fn fm_43_a_code_that_landed_with_another_flow_takes_neither() {
    each_database(async |store| {
        let ground = Ground::new(store).await;
        let (one, two) = (ground.open().await, ground.open().await);
        for (flow, code) in [(one, b"code 1"), (two, b"code 2")] {
            let landing = GitLanding { code: Digest::of(code), ..ground.landing() };
            assert!(matches!(land(&ground, flow, &landing, NOW + 1).await, LandGitFlow::Landed(_)));
        }
        for (flow, code) in [(one, b"code 2"), (two, b"code 1")] {
            let taking = GitTaking { code: Digest::of(code), ..ground.taking() };
            let got = take(&ground, flow, &taking, NOW + 2).await;
            assert_eq!(got, TakeGitFlow::Refused(GitFlowRefusal::OtherCode));
        }
    });
}

#[test]
fn a_flow_of_a_host_that_no_longer_serves_the_project_neither_lands_nor_is_taken() {
    each_database(async |store| {
        let ground = Ground::new(store).await;
        let (open, landed) = (ground.open().await, landed(&ground).await);
        let note = ground.world.note(NOW);
        ground.store().untick_git_host(ground.host, ground.project, &note).await.expect("runs");
        let got = land(&ground, open, &ground.landing(), NOW + 2).await;
        assert_eq!(got, LandGitFlow::Refused(GitFlowRefusal::NotServed));
        let got = take(&ground, landed, &ground.taking(), NOW + 2).await;
        assert_eq!(got, TakeGitFlow::Refused(GitFlowRefusal::NotServed));
        let opened = ground.store().open_git_flow(&ground.new_flow(), NOW).await.expect("runs");
        assert_eq!(opened, OpenGitFlow::NotServed);
        ground.tick(ground.host, ground.project).await;
        let stranger = NewGitFlow { person: ground.world.person("mallory").await, ..ground.new_flow() };
        let opened = ground.store().open_git_flow(&stranger, NOW).await.expect("runs");
        assert_eq!(opened, OpenGitFlow::NotServed, "somebody who is not in the project");
    });
}

#[test]
fn a_flow_of_somebody_who_may_no_longer_change_the_project_is_not_taken() {
    each_database(async |store| {
        let ground = Ground::new(store).await;
        let flow = landed(&ground).await;
        let (store, project, alice) = (ground.store(), ground.project, ground.alice);
        let refused = async || take(&ground, flow, &ground.taking(), NOW + 2).await;
        store.set_project_member(project, alice, Role::Viewer, &ground.world.note(NOW)).await.expect("runs");
        assert_eq!(refused().await, TakeGitFlow::Refused(GitFlowRefusal::NoEditor));
        store.remove_project_member(project, alice, &ground.world.note(NOW)).await.expect("runs");
        assert_eq!(refused().await, TakeGitFlow::Refused(GitFlowRefusal::NoEditor));
        let new = ground.new_flow();
        assert_eq!(store.open_git_flow(&new, NOW).await.expect("runs"), OpenGitFlow::NotServed);
        store.set_project_member(project, alice, Role::Owner, &ground.world.note(NOW)).await.expect("runs");
        store.set_person_enabled(alice, false, &ground.world.note(NOW)).await.expect("runs");
        assert_eq!(refused().await, TakeGitFlow::Refused(GitFlowRefusal::NoEditor));
        store.set_person_enabled(alice, true, &ground.world.note(NOW)).await.expect("runs");
        assert!(is_taken(&take(&ground, flow, &ground.taking(), NOW + 2).await));
    });
}

#[test]
fn of_64_flows_that_one_person_opens_at_once_as_many_open_as_may_and_room_comes_back() {
    each_database(async |store| {
        let ground = Ground::new(store).await;
        let racing = ground.clone();
        let got = race(&ground.world, CALLERS, move |world, _| {
            let new = racing.new_flow();
            async move { (new.id, world.store.open_git_flow(&new, NOW).await.expect("runs")) }
        })
        .await;
        let opened: Vec<Id> = got.iter().filter(|(_, got)| *got == OpenGitFlow::Opened).map(|(id, _)| *id).collect();
        assert_eq!(opened.len(), usize::try_from(MOST_GIT_FLOWS).expect("is small"));
        assert!(got.iter().all(|(_, got)| matches!(got, OpenGitFlow::Opened | OpenGitFlow::TooMany)));
        let opens = async |new: NewGitFlow, at| ground.store().open_git_flow(&new, at).await.expect("runs");
        assert_eq!(opens(ground.new_flow(), NOW + 1).await, OpenGitFlow::TooMany);
        let bob = ground.world.person("bob").await;
        ground.join(ground.project, bob).await;
        assert_eq!(opens(NewGitFlow { person: bob, ..ground.new_flow() }, NOW + 1).await, OpenGitFlow::Opened);
        land(&ground, opened[0], &ground.landing(), NOW + 1).await;
        assert!(is_taken(&take(&ground, opened[0], &ground.taking(), NOW + 1).await));
        assert_eq!(opens(ground.new_flow(), NOW + 1).await, OpenGitFlow::Opened);
        assert_eq!(opens(ground.new_flow(), NOW + 1).await, OpenGitFlow::TooMany);
        assert_eq!(opens(ground.new_flow(), NOW + GIT_FLOW_MS).await, OpenGitFlow::Opened);
    });
}

#[test]
fn a_flow_that_is_over_is_swept_and_one_that_is_not_stays() {
    each_database(async |store| {
        let ground = Ground::new(store).await;
        let (old, young) = (ground.open().await, ground.new_flow());
        ground.store().open_git_flow(&young, NOW + SECOND).await.expect("runs");
        let now = NOW + GIT_FLOW_MS + MARGIN_MS + 1;
        for sweep in &SWEEPS {
            ground.store().sweep(sweep, now, 10).await.expect("runs");
        }
        let got = async |flow| land(&ground, flow, &ground.landing(), now).await;
        assert_eq!(got(old).await, LandGitFlow::Refused(GitFlowRefusal::Unknown));
        assert_eq!(got(young.id).await, LandGitFlow::Refused(GitFlowRefusal::Over));
    });
}
