//! Access keys whose sealed secret somebody changed: they open nothing, they are named, and the others work.

use super::opener::Opener;
use crate::harness::{AccessKey, Server, on_both_alone};
use vestibule_oauth::id::Id;
use vestibule_store::Statement;
use vestibule_store::sealed::{SEALED_COLUMNS, SealedRow};

/// What stands in the row of this access key.
fn row(server: &Server, key: &AccessKey) -> SealedRow {
    let column = SEALED_COLUMNS.iter().find(|column| column.table == "access_keys").expect("is listed");
    server.with_store(async |store| {
        let lines = store.list_access_keys().await.expect("reads");
        let id = lines.iter().find(|line| line.access_key == key.name).expect("is there").id;
        SealedRow { id, value: store.sealed_at(column, id).await.expect("reads").expect("is sealed") }
    })
}

fn write(server: &Server, id: Id, bytes: &[u8]) {
    let sql = "UPDATE access_keys SET sealed = $1 WHERE id = $2";
    let values = vec![bytes.to_vec().into(), id.into()];
    server.with_store(async |store| store.run(vec![Statement::new(sql, values)]).await.expect("runs"));
}

/// One byte of a secret flipped, and two that were put in each other's place: rows of one table, one tenant and one data key.
#[test]
fn fm_124_fm_127_fm_128_a_changed_or_swapped_access_key_opens_nothing_is_named_and_its_neighbour_works() {
    on_both_alone(|server| {
        let person = server.person();
        let [flipped, one, other, good] = [(); 4].map(|()| AccessKey::add(&server, &person.name));
        let opener = Opener::of(&server).expect("the key file unwraps");
        let rows = [&flipped, &one, &other, &good].map(|key| row(&server, key));
        for (key, row) in [&flipped, &one, &other, &good].into_iter().zip(&rows) {
            let opened = opener.open("access_keys", "sealed", row.id, &row.value);
            assert_eq!(opened.as_deref(), Some(key.secret.as_bytes()), "sealed as it is described");
        }
        let ask = |key: &AccessKey| key.get(server.at("/v3/projects")).send();
        for key in [&flipped, &one, &other, &good] {
            assert_eq!(ask(key).status, 200, "{}", ask(key).text());
        }

        let mut bytes = rows[0].value.bytes.clone();
        *bytes.last_mut().expect("bytes") ^= 1;
        write(&server, rows[0].id, &bytes);
        write(&server, rows[1].id, &rows[2].value.bytes);
        write(&server, rows[2].id, &rows[1].value.bytes);
        // Whoever swapped two rows has the other's secret, and tries that too.
        let taken = |name: &AccessKey, secret: &AccessKey| AccessKey { secret: secret.secret.clone(), ..name.clone() };
        for key in [&flipped, &one, &other, &taken(&one, &other), &taken(&other, &one)] {
            let answer = ask(key);
            assert_eq!(answer.status, 401, "{}", answer.text());
            assert!(!answer.text().contains("sealed"), "nothing of why: {}", answer.text());
        }
        // Nor does what is compared with where there is no secret.
        let stand_in = format!("vst_sk_{}", "-".repeat(68));
        for key in [&flipped, &one] {
            assert_eq!(ask(&AccessKey { secret: stand_in.clone(), ..key.clone() }).status, 401);
        }
        assert_eq!(ask(&good).status, 200, "{}", ask(&good).text());

        // It cannot be told from a key whose secret is not known (FM-96): locked after as many tries, and then named as locked.
        let [changed, whole] = [(); 2].map(|()| AccessKey::add(&server, &person.name));
        let mut bytes = row(&server, &changed).value.bytes;
        bytes.truncate(bytes.len() - 1);
        write(&server, row(&server, &changed).id, &bytes);
        let wrong = AccessKey { secret: stand_in, ..whole.clone() };
        let tries = |key: &AccessKey| -> Vec<(u16, String)> {
            let answers = (0..7).map(|_| ask(key));
            let told = |answer: crate::harness::Answer| {
                let mut body = answer.json();
                body.as_object_mut().expect("an object").remove("request_id");
                (answer.status, body.to_string())
            };
            answers.map(told).collect()
        };
        let (of_changed, of_wrong) = (tries(&changed), tries(&wrong));
        assert_eq!(of_changed, of_wrong);
        assert_ne!(of_changed[0], of_changed[6], "it is locked in the end");
        assert_eq!(ask(&good).status, 200);

        let trail = server.with_store(async |store| store.list_audit(200).await.expect("reads"));
        for key in [&changed, &whole] {
            let target = format!("access_key:{}", key.name);
            let locked = trail.iter().filter(|row| row.action == "access_key.lock" && row.target == target);
            assert_eq!(locked.count(), 1, "{target}");
        }
        for bad in &rows[..3] {
            let target = format!("access_keys:{}", bad.id);
            let named: Vec<_> =
                trail.iter().filter(|row| row.action == "sealed.open" && row.target == target).collect();
            assert_eq!(named.len(), 1, "{target}, once however often it is tried");
            assert_eq!((named[0].outcome.as_str(), named[0].details.as_str()), ("refused", "column sealed"));
            assert!(server.output().contains(&bad.id.to_string()), "the log names the row");
        }
        assert_eq!(trail.iter().filter(|row| row.action == "sealed.open").count(), 4, "nobody else is accused");

        // What was changed back opens again: nothing was lost by refusing it.
        write(&server, rows[0].id, &rows[0].value.bytes);
        assert_eq!(ask(&flipped).status, 200);
    });
}
