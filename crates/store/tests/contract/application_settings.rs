//! The settings of an application's tokens and subjects, and what they make of the rows of access tokens.

use crate::harness::{NOW, each_database};
use crate::world::{World, race, secret_of};
use vestibule_oauth::access_token::mark;
use vestibule_oauth::client::{AccessTokenFormat, Client};
use vestibule_oauth::id::Id;
use vestibule_oauth::jose::Algorithm;
use vestibule_oauth::template::Template;
use vestibule_store::application_settings::Settings;
use vestibule_store::applications::Change;

async fn client(world: &World, application: Id) -> Client {
    world.store.show_application(application).await.expect("reads").expect("is there").client
}

#[test]
fn settings_are_set_audited_once_and_left_alone_where_they_stand_so() {
    each_database(async |store| {
        let world = World::new(store);
        let id = world.application("shop", Template::Web).await.id;
        let before = world.trail().await.len();
        let es256 = Settings { id_token_alg: Some(Algorithm::Es256), ..Settings::default() };
        let sector = |sector: Option<&str>| Settings { sector: Some(sector.map(str::to_owned)), ..Settings::default() };
        let all = [es256.clone(), es256, sector(Some("a.example")), sector(Some("a.example")), Settings::default()];
        for (settings, at) in all.into_iter().zip(1..) {
            let set = world.store.set_settings(id, &settings, &world.note(NOW + at)).await.expect("runs");
            assert_eq!(set, Change::Done, "{settings:?}");
        }
        let after = client(&world, id).await;
        assert_eq!((after.id_token_alg, after.sector.as_deref()), (Algorithm::Es256, Some("a.example")));
        assert_eq!(after.access_token_format, AccessTokenFormat::Opaque, "nobody said anything of it");
        world.store.set_settings(id, &sector(None), &world.note(NOW + 9)).await.expect("runs");
        assert_eq!(client(&world, id).await.sector, None);
        assert_eq!(world.trail().await[before..], ["application.set"; 3]);
        let nobody = world.store.set_settings(world.id(), &sector(None), &world.note(NOW)).await;
        assert_eq!(nobody.expect("runs"), Change::NotFound);
    });
}

#[test]
fn administrators_who_set_different_things_at_once_all_get_what_they_asked_for() {
    each_database(async |store| {
        let world = World::new(store);
        let id = world.application("shop", Template::Web).await.id;
        let signed = AccessTokenFormat::Signed(Algorithm::EdDsa);
        race(&world, 64, |world, n| async move {
            let settings = match n % 3 {
                0 => Settings { id_token_alg: Some(Algorithm::EdDsa), ..Settings::default() },
                1 => Settings { access_token_format: Some(signed), ..Settings::default() },
                _ => Settings { sector: Some(Some("a.example".to_owned())), ..Settings::default() },
            };
            let set = world.store.set_settings(id, &settings, &world.note(NOW)).await.expect("runs");
            assert_eq!(set, Change::Done);
        })
        .await;
        let after = client(&world, id).await;
        assert_eq!((after.id_token_alg, after.access_token_format), (Algorithm::EdDsa, signed));
        assert_eq!(after.sector.as_deref(), Some("a.example"));
    });
}

#[test]
fn fm_78_the_row_of_a_signed_token_is_found_for_its_algorithm_only_and_by_no_secret() {
    each_database(async |store| {
        let world = World::new(store);
        let client = world.application("shop", Template::Web).await;
        let (signed, opaque) = (world.flow(&client, "alice").await, world.flow(&client, "bob").await);
        let mut tokens = world.new_tokens(NOW);
        tokens.access.digest = mark(Algorithm::Es256);
        world.store.spend_code(signed.code, world.id(), &tokens, NOW).await.expect("runs");
        let (opaque, _) = world.spend(opaque.code, NOW).await;
        for algorithm in Algorithm::ALL {
            let found = world.store.find_signed_access_token(tokens.access.id, algorithm).await.expect("reads");
            let expected = (algorithm == Algorithm::Es256).then_some(signed.grant);
            assert_eq!(found.map(|found| found.grant), expected, "{algorithm:?}");
            let other = world.store.find_signed_access_token(opaque, algorithm).await.expect("reads");
            assert!(other.is_none(), "an opaque token's row is opened by a signed one");
        }
        assert!(world.store.find_access_token(&secret_of(tokens.access.id)).await.expect("reads").is_err());
        assert!(world.store.find_access_token(&secret_of(opaque)).await.expect("reads").is_ok());
    });
}
