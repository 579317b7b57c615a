//! Switches of an application: each is turned alone, at once for whoever asks next, and with a row of the trail.

use crate::harness::{NOW, each_database};
use crate::world::{World, race};
use vestibule_oauth::id::Id;
use vestibule_oauth::template::{Switch, Template};
use vestibule_store::applications::Change;

async fn has(world: &World, application: Id, switch: Switch) -> bool {
    let sheet = world.store.show_application(application).await.expect("reads").expect("is there");
    sheet.client.has(switch)
}

#[test]
fn a_switch_is_turned_audited_once_and_left_alone_where_it_stands_so() {
    each_database(async |store| {
        let world = World::new(store);
        let client = world.application("gateway", Template::Service).await;
        let before = world.trail().await.len();
        for (on, at) in [(true, 1), (true, 2), (false, 3), (false, 4)] {
            let note = world.note(NOW + at);
            let turned = world.store.set_switch(client.id, Switch::Introspect, on, &note).await.expect("runs");
            assert_eq!(turned, Change::Done);
            assert_eq!(has(&world, client.id, Switch::Introspect).await, on);
            assert!(has(&world, client.id, Switch::ClientCredentialsGrant).await, "another switch was turned");
        }
        assert_eq!(world.trail().await[before..], ["application.switch", "application.switch"]);
        let nobody = world.store.set_switch(world.id(), Switch::Introspect, true, &world.note(NOW)).await;
        assert_eq!(nobody.expect("runs"), Change::NotFound);
    });
}

#[test]
fn administrators_who_turn_different_switches_at_once_all_get_what_they_asked_for() {
    each_database(async |store| {
        let world = World::new(store);
        let client = world.application("shop", Template::Service).await;
        race(&world, Switch::ALL.len(), |world, n| async move {
            let on = Switch::ALL[n] != Switch::ClientCredentialsGrant;
            let turned = world.store.set_switch(client.id, Switch::ALL[n], on, &world.note(NOW)).await.expect("runs");
            assert_eq!(turned, Change::Done);
        })
        .await;
        for switch in Switch::ALL {
            assert_eq!(has(&world, client.id, switch).await, switch != Switch::ClientCredentialsGrant, "{switch:?}");
        }
    });
}

/// Of many who turn one switch in the same millisecond one has turned it, and the trail says so once.
#[test]
fn one_switch_that_many_turn_at_once_stands_in_the_trail_once() {
    each_database(async |store| {
        let world = World::new(store);
        let client = world.application("gateway", Template::Service).await;
        let before = world.trail().await.len();
        race(&world, 16, |world, _| async move {
            let turned = world.store.set_switch(client.id, Switch::Introspect, true, &world.note(NOW)).await;
            assert_eq!(turned.expect("runs"), Change::Done);
        })
        .await;
        assert_eq!(world.trail().await[before..], ["application.switch"]);
    });
}
