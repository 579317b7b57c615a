//! Fresh PostgreSQL databases on the server that VESTIBULE_TEST_POSTGRES names.

use tokio_postgres::NoTls;

/// The address of a maintenance database, as `scripts/test` starts it.
fn base() -> String {
    std::env::var("VESTIBULE_TEST_POSTGRES").expect(
        "VESTIBULE_TEST_POSTGRES must name a PostgreSQL server (postgres://user@host:port/postgres); run scripts/test",
    )
}

/// Makes an empty database and gives its URL.
pub fn fresh() -> String {
    let base = base();
    let name = format!("it_{}_{}", std::process::id(), super::unique("db").replace('-', "_"));
    batch(&base, &format!("CREATE DATABASE {name}"));
    let (server, _) = base.rsplit_once('/').expect("a URL with a database name");
    format!("{server}/{name}")
}

/// Runs SQL on the database at `url`.
pub fn batch(url: &str, sql: &str) {
    with(url, async |client| client.batch_execute(sql).await.unwrap_or_else(|why| panic!("{sql}: {why}")));
}

/// How many connections to the database at `url` are such (a condition on `pg_stat_activity`).
pub fn count(url: &str, condition: &str) -> i64 {
    let sql = format!("SELECT COUNT(*) FROM pg_stat_activity WHERE datname = current_database() AND {condition}");
    with(url, async |client| client.query_one(&sql, &[]).await.unwrap_or_else(|why| panic!("{sql}: {why}")).get(0))
}

/// Everything in the database as text, table by table: what a thief of a dump would read.
pub fn dump(url: &str) -> String {
    with(url, async |client| {
        let tables = client
            .query("SELECT tablename::text FROM pg_tables WHERE schemaname = 'public'", &[])
            .await
            .expect("tables");
        let mut text = String::new();
        for table in tables {
            let table: String = table.get(0);
            let rows = client.query(&format!("SELECT t::text FROM \"{table}\" t"), &[]).await.expect("rows");
            for row in rows {
                text.push_str(&table);
                text.push(' ');
                text.push_str(row.get::<_, Option<&str>>(0).unwrap_or_default());
                text.push('\n');
            }
        }
        text
    })
}

fn with<T>(url: &str, work: impl AsyncFnOnce(tokio_postgres::Client) -> T) -> T {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("runtime");
    runtime.block_on(async {
        let (client, connection) = tokio_postgres::connect(url, NoTls)
            .await
            .unwrap_or_else(|why| panic!("PostgreSQL at {url} is needed and not there: {why}"));
        tokio::spawn(connection);
        work(client).await
    })
}
