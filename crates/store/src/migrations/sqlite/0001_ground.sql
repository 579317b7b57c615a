-- The ground: everything that Vestibule remembers, in the first version. The same tables stand in
-- ../postgres/0001_ground.sql; only the names of the types differ.
--
-- Ids are 16-byte UUIDv7 made by the server, times are Unix milliseconds, digests are SHA-256, switches that people
-- throw are moments, changed_by and its like are the row of the trail of the verb that changed a row last. There are no
-- foreign keys on what is issued (codes, grants, tokens, sessions): ending or removing something changes one row,
-- whatever hangs on it is dead at its next use because every acceptance joins up to that row, and upkeep sweeps it later
-- in small batches.

CREATE TABLE tenants (
    tenant INTEGER NOT NULL PRIMARY KEY,
    name TEXT NOT NULL,
    created_at INTEGER NOT NULL
) STRICT;
INSERT INTO tenants (tenant, name, created_at) VALUES (1, 'default', 0);

-- What the operator's commands must know about the server beside them (its public URL).
CREATE TABLE settings (
    tenant INTEGER NOT NULL,
    name TEXT NOT NULL,
    value TEXT NOT NULL,
    PRIMARY KEY (tenant, name)
) STRICT, WITHOUT ROWID;

-- Numbers that are given out once and never again. Also the lock under which the first administrator is made.
CREATE TABLE counters (
    tenant INTEGER NOT NULL,
    name TEXT NOT NULL,
    value INTEGER NOT NULL,
    PRIMARY KEY (tenant, name)
) STRICT, WITHOUT ROWID;
INSERT INTO counters (tenant, name, value) VALUES (1, 'people', 0);

-- The tenant's epoch: a clock without hands, which an administrator's verbs on assignments, memberships and organizations
-- move on. Sessions and grants keep the epoch that they began in; what came later does not count for them, so that
-- nothing that ended lives again when it is given back, whatever the clocks of the nodes say.
INSERT INTO counters (tenant, name, value) VALUES (1, 'epoch', 0);

CREATE TABLE organizations (
    id BLOB NOT NULL PRIMARY KEY,
    tenant INTEGER NOT NULL,
    parent BLOB,
    name TEXT NOT NULL,
    name_key TEXT NOT NULL,
    external_id TEXT NOT NULL,
    disabled_at INTEGER,
    epoch INTEGER NOT NULL,
    created_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE UNIQUE INDEX organizations_name ON organizations (tenant, name_key);
CREATE UNIQUE INDEX organizations_external ON organizations (tenant, external_id);
CREATE INDEX organizations_parent ON organizations (parent);

-- The closure of the tree: every organization with each of its ancestors and with itself.
CREATE TABLE organization_tree (
    tenant INTEGER NOT NULL,
    descendant BLOB NOT NULL,
    ancestor BLOB NOT NULL,
    PRIMARY KEY (descendant, ancestor)
) STRICT, WITHOUT ROWID;
CREATE INDEX organization_tree_down ON organization_tree (ancestor);

CREATE TABLE people (
    id BLOB NOT NULL PRIMARY KEY,
    tenant INTEGER NOT NULL,
    number INTEGER NOT NULL,
    subject TEXT NOT NULL,
    external_id TEXT,
    user_name TEXT NOT NULL,
    user_name_key TEXT NOT NULL,
    email TEXT,
    email_key TEXT,
    email_verified INTEGER NOT NULL,
    nickname TEXT,
    phone TEXT,
    locale TEXT,
    zone TEXT,
    password_hash TEXT,
    administrator INTEGER NOT NULL,
    disabled_at INTEGER,
    valid_from INTEGER NOT NULL,
    last_sign_in_at INTEGER NOT NULL,
    created_at INTEGER NOT NULL,
    updated_at INTEGER NOT NULL,
    changed_by BLOB
) STRICT, WITHOUT ROWID;
CREATE UNIQUE INDEX people_number ON people (tenant, number);
CREATE UNIQUE INDEX people_subject ON people (tenant, subject);
CREATE UNIQUE INDEX people_external ON people (tenant, external_id);
CREATE UNIQUE INDEX people_user_name ON people (tenant, user_name_key);
CREATE UNIQUE INDEX people_email ON people (tenant, email_key);
CREATE INDEX people_administrators ON people (tenant) WHERE administrator = 1;

CREATE TABLE person_organizations (
    tenant INTEGER NOT NULL,
    person BLOB NOT NULL,
    organization BLOB NOT NULL,
    is_primary INTEGER NOT NULL,
    changed_by BLOB,
    epoch INTEGER NOT NULL,
    PRIMARY KEY (person, organization)
) STRICT, WITHOUT ROWID;
CREATE UNIQUE INDEX person_organizations_primary ON person_organizations (person) WHERE is_primary = 1;
CREATE INDEX person_organizations_members ON person_organizations (organization);

CREATE TABLE groups (
    id BLOB NOT NULL PRIMARY KEY,
    tenant INTEGER NOT NULL,
    name TEXT NOT NULL,
    name_key TEXT NOT NULL,
    created_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE UNIQUE INDEX groups_name ON groups (tenant, name_key);

CREATE TABLE group_members (
    tenant INTEGER NOT NULL,
    person BLOB NOT NULL,
    group_id BLOB NOT NULL,
    added_at INTEGER NOT NULL,
    changed_by BLOB NOT NULL,
    epoch INTEGER NOT NULL,
    PRIMARY KEY (person, group_id)
) STRICT, WITHOUT ROWID;
CREATE INDEX group_members_of ON group_members (group_id);

-- hands_out_at: since when programs of its editors may be handed its authorizations' live tokens; none when they may not.
CREATE TABLE projects (
    id BLOB NOT NULL PRIMARY KEY,
    tenant INTEGER NOT NULL,
    name TEXT NOT NULL,
    name_key TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    hands_out_at INTEGER,
    changed_by BLOB
) STRICT, WITHOUT ROWID;
CREATE UNIQUE INDEX projects_name ON projects (tenant, name_key);

-- role: 1 an owner, 2 an editor, 3 a viewer. added_by is the verb that let the person in: what was given in a membership that has ended
-- stays dead when they are let in again.
CREATE TABLE project_members (
    tenant INTEGER NOT NULL,
    project BLOB NOT NULL,
    person BLOB NOT NULL,
    role INTEGER NOT NULL,
    added_at INTEGER NOT NULL,
    added_by BLOB NOT NULL,
    changed_by BLOB NOT NULL,
    PRIMARY KEY (project, person)
) STRICT, WITHOUT ROWID;
CREATE INDEX project_members_of ON project_members (person);

CREATE TABLE applications (
    id BLOB NOT NULL PRIMARY KEY,
    tenant INTEGER NOT NULL,
    client_id TEXT NOT NULL,
    name TEXT NOT NULL,
    name_key TEXT NOT NULL,
    template TEXT NOT NULL,
    confidential INTEGER NOT NULL,
    switches INTEGER NOT NULL,
    access_ms INTEGER NOT NULL,
    refresh_idle_ms INTEGER NOT NULL,
    refresh_max_ms INTEGER NOT NULL,
    scopes TEXT NOT NULL,
    access TEXT NOT NULL,
    id_token_alg TEXT NOT NULL,
    access_token TEXT NOT NULL,
    sector TEXT,
    home_page TEXT,
    verified INTEGER NOT NULL,
    disabled_at INTEGER,
    valid_from INTEGER NOT NULL,
    created_at INTEGER NOT NULL,
    updated_at INTEGER NOT NULL,
    changed_by BLOB
) STRICT, WITHOUT ROWID;
CREATE UNIQUE INDEX applications_client_id ON applications (tenant, client_id);
CREATE UNIQUE INDEX applications_name ON applications (tenant, name_key);

-- Apart from the application, so that its row stays small on the way of every token.
CREATE TABLE logos (
    application BLOB NOT NULL PRIMARY KEY,
    tenant INTEGER NOT NULL,
    media_type TEXT NOT NULL,
    bytes BLOB NOT NULL
) STRICT;

CREATE TABLE client_secrets (
    id BLOB NOT NULL PRIMARY KEY,
    tenant INTEGER NOT NULL,
    application BLOB NOT NULL,
    digest BLOB NOT NULL,
    created_at INTEGER NOT NULL,
    ends_at INTEGER
) STRICT, WITHOUT ROWID;
CREATE INDEX client_secrets_of ON client_secrets (application);
CREATE INDEX client_secrets_ended ON client_secrets (ends_at) WHERE ends_at IS NOT NULL;

CREATE TABLE redirect_uris (
    tenant INTEGER NOT NULL,
    application BLOB NOT NULL,
    position INTEGER NOT NULL,
    uri TEXT NOT NULL,
    origin TEXT,
    PRIMARY KEY (application, position)
) STRICT, WITHOUT ROWID;
CREATE INDEX redirect_uris_origin ON redirect_uris (tenant, origin);

-- kind: 1 a person, 2 a group, 3 an organization with everything below it.
CREATE TABLE assignments (
    tenant INTEGER NOT NULL,
    application BLOB NOT NULL,
    kind INTEGER NOT NULL,
    subject BLOB NOT NULL,
    assigned_at INTEGER NOT NULL,
    changed_by BLOB NOT NULL,
    epoch INTEGER NOT NULL,
    PRIMARY KEY (application, kind, subject)
) STRICT, WITHOUT ROWID;

-- Applications that were removed, until upkeep has swept what hung on them.
CREATE TABLE removed_applications (
    id BLOB NOT NULL PRIMARY KEY,
    tenant INTEGER NOT NULL,
    removed_at INTEGER NOT NULL,
    removed_by BLOB NOT NULL
) STRICT, WITHOUT ROWID;

-- A session that follows another one of the same person in the same browser has that one's root. Signing out is written
-- on the root, where it ends what was issued in any of them; so a root stays for as long as something names it.
CREATE TABLE sessions (
    id BLOB NOT NULL PRIMARY KEY,
    tenant INTEGER NOT NULL,
    digest BLOB NOT NULL,
    person BLOB NOT NULL,
    auth_time INTEGER NOT NULL,
    seen_at INTEGER NOT NULL,
    idle_ends_at INTEGER NOT NULL,
    ends_at INTEGER NOT NULL,
    ended_at INTEGER,
    epoch INTEGER NOT NULL,
    ended_by BLOB,
    root BLOB NOT NULL,
    signed_out_at INTEGER,
    kept_until INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX sessions_expiry ON sessions (kept_until);
CREATE INDEX sessions_of_root ON sessions (root);

-- Where an application wants people sent after they signed out, and where it wants to hear that somebody did.
CREATE TABLE post_logout_redirect_uris (
    tenant INTEGER NOT NULL,
    application BLOB NOT NULL,
    position INTEGER NOT NULL,
    uri TEXT NOT NULL,
    PRIMARY KEY (application, position)
) STRICT, WITHOUT ROWID;

CREATE TABLE logout_addresses (
    application BLOB NOT NULL PRIMARY KEY,
    tenant INTEGER NOT NULL,
    uri TEXT NOT NULL,
    session_required INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- To which of the applications that want to hear of its end a person went in a session (its root).
CREATE TABLE session_applications (
    session BLOB NOT NULL,
    application BLOB NOT NULL,
    tenant INTEGER NOT NULL,
    person BLOB NOT NULL,
    kept_until INTEGER NOT NULL,
    PRIMARY KEY (session, application)
) STRICT, WITHOUT ROWID;
CREATE INDEX session_applications_of ON session_applications (person);
CREATE INDEX session_applications_expiry ON session_applications (kept_until);

-- Ends of sessions that applications have not heard of yet: event is the row of the trail of the verb that ended it. Who
-- sends one claims it, which moves due_at to the end of the lease.
CREATE TABLE logout_notices (
    event BLOB NOT NULL,
    session BLOB NOT NULL,
    application BLOB NOT NULL,
    tenant INTEGER NOT NULL,
    person BLOB NOT NULL,
    created_at INTEGER NOT NULL,
    due_at INTEGER NOT NULL,
    attempts INTEGER NOT NULL,
    claimed_by BLOB,
    PRIMARY KEY (event, session, application)
) STRICT, WITHOUT ROWID;
CREATE INDEX logout_notices_due ON logout_notices (application, due_at);
CREATE INDEX logout_notices_age ON logout_notices (created_at);

-- chosen is the session that the person said to go on with, where the application wants them asked.
CREATE TABLE authorizations (
    id BLOB NOT NULL PRIMARY KEY,
    tenant INTEGER NOT NULL,
    application BLOB NOT NULL,
    browser_digest BLOB NOT NULL,
    request TEXT NOT NULL,
    chosen BLOB,
    created_at INTEGER NOT NULL,
    expires_at INTEGER NOT NULL,
    answered_by BLOB,
    answered_at INTEGER
) STRICT, WITHOUT ROWID;
CREATE INDEX authorizations_expiry ON authorizations (expires_at);

-- What a person (or an application for itself: person NULL) allowed an application, in which browser session (its root;
-- session_epoch is the epoch of the sign-in) and under which generation of their consent. claims is what was asked
-- for by name (OpenID Connect). expires_at moves with the last
-- token that hangs on it; what hangs on a grant dies when ended_at is set (ended_by: the row of the trail).
CREATE TABLE grants (
    id BLOB NOT NULL PRIMARY KEY,
    tenant INTEGER NOT NULL,
    application BLOB NOT NULL,
    person BLOB,
    kind TEXT NOT NULL,
    scopes TEXT NOT NULL,
    session BLOB,
    session_epoch INTEGER NOT NULL,
    epoch INTEGER NOT NULL,
    consent INTEGER NOT NULL,
    claims TEXT,
    auth_time INTEGER NOT NULL,
    created_at INTEGER NOT NULL,
    expires_at INTEGER NOT NULL,
    ended_at INTEGER,
    ended_by BLOB,
    ended_why TEXT
) STRICT, WITHOUT ROWID;
CREATE INDEX grants_expiry ON grants (expires_at);
CREATE INDEX grants_in_session ON grants (session) WHERE session IS NOT NULL;
CREATE INDEX grants_of_person ON grants (person, application) WHERE person IS NOT NULL;

CREATE TABLE codes (
    id BLOB NOT NULL PRIMARY KEY,
    tenant INTEGER NOT NULL,
    digest BLOB NOT NULL,
    grant_id BLOB NOT NULL,
    redirect_uri TEXT NOT NULL,
    redirect_uri_sent INTEGER NOT NULL,
    challenge TEXT,
    nonce TEXT,
    created_at INTEGER NOT NULL,
    expires_at INTEGER NOT NULL,
    spent_by BLOB,
    spent_at INTEGER
) STRICT, WITHOUT ROWID;
CREATE INDEX codes_of ON codes (grant_id);

CREATE TABLE tokens (
    id BLOB NOT NULL PRIMARY KEY,
    tenant INTEGER NOT NULL,
    digest BLOB NOT NULL,
    grant_id BLOB NOT NULL,
    scopes TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    expires_at INTEGER NOT NULL,
    revoked_at INTEGER,
    revoked_by BLOB
) STRICT, WITHOUT ROWID;
CREATE INDEX tokens_expiry ON tokens (expires_at);

-- One row per generation; all generations of a grant are one family, and the numbers form a path (FM-28).
-- A generation that another was traded for keeps what its secrets were derived with (salt), the access token that went
-- with it, and who asked (sender: null for a client that had authenticated).
CREATE TABLE refresh_tokens (
    id BLOB NOT NULL PRIMARY KEY,
    tenant INTEGER NOT NULL,
    digest BLOB NOT NULL,
    grant_id BLOB NOT NULL,
    number INTEGER NOT NULL,
    created_at INTEGER NOT NULL,
    idle_ends_at INTEGER NOT NULL,
    max_ends_at INTEGER NOT NULL,
    spent_by BLOB,
    spent_at INTEGER,
    salt BLOB,
    access_token BLOB,
    sender BLOB
) STRICT, WITHOUT ROWID;
CREATE UNIQUE INDEX refresh_tokens_path ON refresh_tokens (grant_id, number);

-- What a person ticked last for an application; scopes is NULL when it was withdrawn. Withdrawing moves the generation on,
-- and a grant of an earlier generation is dead.
CREATE TABLE consents (
    tenant INTEGER NOT NULL,
    person BLOB NOT NULL,
    application BLOB NOT NULL,
    scopes TEXT,
    given_at INTEGER NOT NULL,
    generation INTEGER NOT NULL,
    withdrawn_at INTEGER,
    PRIMARY KEY (person, application)
) STRICT, WITHOUT ROWID;
CREATE INDEX consents_of ON consents (application);

CREATE TABLE older_forms (
    tenant INTEGER NOT NULL,
    application BLOB NOT NULL,
    form INTEGER NOT NULL,
    day INTEGER NOT NULL,
    uses INTEGER NOT NULL,
    PRIMARY KEY (application, form, day)
) STRICT, WITHOUT ROWID;

CREATE TABLE setup_links (
    id BLOB NOT NULL PRIMARY KEY,
    tenant INTEGER NOT NULL,
    digest BLOB NOT NULL,
    created_at INTEGER NOT NULL,
    expires_at INTEGER NOT NULL,
    spent_by BLOB,
    spent_at INTEGER,
    ended_at INTEGER
) STRICT, WITHOUT ROWID;
CREATE INDEX setup_links_expiry ON setup_links (expires_at);

-- How often something was tried in vain: key is a digest of whose tries are counted together, so no address stands here.
-- Of the failures so many are tries that are under way, of which nobody knows yet; until then they are waited for.
CREATE TABLE guesses (
    tenant INTEGER NOT NULL,
    key BLOB NOT NULL,
    failures INTEGER NOT NULL,
    window_started_at INTEGER NOT NULL,
    next_at INTEGER NOT NULL,
    updated_at INTEGER NOT NULL,
    claimed_by BLOB NOT NULL,
    under_way INTEGER NOT NULL,
    under_way_until INTEGER NOT NULL,
    PRIMARY KEY (tenant, key)
) STRICT, WITHOUT ROWID;
CREATE INDEX guesses_age ON guesses (updated_at);

-- Browsers in which a person has signed in before: others' failures do not keep them out.
CREATE TABLE devices (
    tenant INTEGER NOT NULL,
    person BLOB NOT NULL,
    browser BLOB NOT NULL,
    ends_at INTEGER NOT NULL,
    PRIMARY KEY (person, browser)
) STRICT, WITHOUT ROWID;
CREATE INDEX devices_expiry ON devices (ends_at);

-- What seals: a key of the deployment's own (scope: sixteen zero bytes) and one of each project (its id), wrapped under the
-- key-encryption key that wrapped_by names and that stands in no table. retired_at: another one seals; rows are moved
-- to it. What is sealed names its data key in a foreign key, so that no data key goes while something needs it, whatever
-- another node writes at that moment.
CREATE TABLE data_keys (
    id BLOB NOT NULL PRIMARY KEY,
    tenant INTEGER NOT NULL,
    scope BLOB NOT NULL,
    wrapped BLOB NOT NULL,
    wrapped_by TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    retired_at INTEGER
) STRICT, WITHOUT ROWID;
CREATE UNIQUE INDEX data_keys_sealing ON data_keys (tenant, scope) WHERE retired_at IS NULL;
CREATE INDEX data_keys_retired ON data_keys (retired_at) WHERE retired_at IS NOT NULL;
CREATE INDEX data_keys_wrapped ON data_keys (wrapped_by);

-- Secrets of the deployment that are made once (by what pairwise subjects are made).
CREATE TABLE deployment_secrets (
    id BLOB NOT NULL PRIMARY KEY,
    tenant INTEGER NOT NULL,
    name TEXT NOT NULL,
    sealed BLOB NOT NULL,
    sealed_by BLOB NOT NULL REFERENCES data_keys (id),
    created_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE UNIQUE INDEX deployment_secrets_name ON deployment_secrets (tenant, name);
CREATE INDEX deployment_secrets_sealed_by ON deployment_secrets (sealed_by);

-- What tokens are signed with. The next key of an algorithm is published and may sign from usable_at on; the current one
-- signs since promoted_at; one that was replaced stays published until ends_at. jwk is the public half as it is shown to
-- people; what is published is derived from the sealed half, so that nobody who can write here alone adds a key.
CREATE TABLE signing_keys (
    id BLOB NOT NULL PRIMARY KEY,
    tenant INTEGER NOT NULL,
    algorithm TEXT NOT NULL,
    kid TEXT NOT NULL,
    jwk TEXT NOT NULL,
    sealed BLOB NOT NULL,
    sealed_by BLOB NOT NULL REFERENCES data_keys (id),
    published_at INTEGER NOT NULL,
    usable_at INTEGER NOT NULL,
    promoted_at INTEGER,
    promoted_by BLOB,
    replaced_at INTEGER,
    replaced_by BLOB,
    ends_at INTEGER
) STRICT, WITHOUT ROWID;
CREATE UNIQUE INDEX signing_keys_kid ON signing_keys (tenant, kid);
CREATE UNIQUE INDEX signing_keys_next ON signing_keys (tenant, algorithm) WHERE promoted_at IS NULL;
CREATE UNIQUE INDEX signing_keys_current ON signing_keys (tenant, algorithm)
    WHERE promoted_at IS NOT NULL AND replaced_at IS NULL;
CREATE INDEX signing_keys_sealed_by ON signing_keys (sealed_by);

-- What programs sign their requests with. The secret is sealed, because signatures are checked with it.
CREATE TABLE access_keys (
    id BLOB NOT NULL PRIMARY KEY,
    tenant INTEGER NOT NULL,
    access_key TEXT NOT NULL,
    person BLOB NOT NULL,
    sealed BLOB NOT NULL,
    sealed_by BLOB NOT NULL REFERENCES data_keys (id),
    created_at INTEGER NOT NULL,
    disabled_at INTEGER,
    changed_by BLOB NOT NULL
) STRICT, WITHOUT ROWID;
CREATE UNIQUE INDEX access_keys_name ON access_keys (tenant, access_key);
CREATE INDEX access_keys_sealed_by ON access_keys (sealed_by);

-- Wrong signatures: key is a digest of an access key, alone or with the address that it was tried from.
CREATE TABLE access_key_failures (
    tenant INTEGER NOT NULL,
    key BLOB NOT NULL,
    failures INTEGER NOT NULL,
    window_started_at INTEGER NOT NULL,
    locked_until INTEGER NOT NULL,
    updated_at INTEGER NOT NULL,
    claimed_by BLOB NOT NULL,
    PRIMARY KEY (tenant, key)
) STRICT, WITHOUT ROWID;
CREATE INDEX access_key_failures_age ON access_key_failures (updated_at);

-- What programs act with for a person in a project. membership is the added_by of the membership that a token was given in,
-- epoch the tenant's epoch then, access_key the key that it was fetched with, if it was with one.
CREATE TABLE project_tokens (
    id BLOB NOT NULL PRIMARY KEY,
    tenant INTEGER NOT NULL,
    digest BLOB NOT NULL,
    person BLOB NOT NULL,
    project BLOB NOT NULL,
    membership BLOB NOT NULL,
    access_key BLOB,
    auth_time INTEGER NOT NULL,
    epoch INTEGER NOT NULL,
    created_at INTEGER NOT NULL,
    expires_at INTEGER NOT NULL,
    ended_at INTEGER,
    ended_by BLOB
) STRICT, WITHOUT ROWID;
CREATE INDEX project_tokens_expiry ON project_tokens (expires_at);

-- Where Git authorizations come from: one application of ours at one host. scope: sixteen zero bytes where it is the
-- deployment's, which serves the projects that git_host_projects names, or the one project that it belongs to; also the
-- scope of the data key that seals the secret. Of one kind, the one that was made the default last is the default.
CREATE TABLE git_hosts (
    id BLOB NOT NULL PRIMARY KEY,
    tenant INTEGER NOT NULL,
    scope BLOB NOT NULL,
    name TEXT NOT NULL,
    name_key TEXT NOT NULL,
    kind TEXT NOT NULL,
    web TEXT NOT NULL,
    client_id TEXT,
    secret BLOB,
    secret_by BLOB REFERENCES data_keys (id),
    scopes TEXT NOT NULL,
    tags TEXT NOT NULL,
    default_at INTEGER,
    disabled_at INTEGER,
    created_at INTEGER NOT NULL,
    changed_by BLOB NOT NULL
) STRICT, WITHOUT ROWID;
CREATE UNIQUE INDEX git_hosts_name ON git_hosts (tenant, scope, name_key);
CREATE INDEX git_hosts_secret_by ON git_hosts (secret_by);

-- The projects that an administrator ticked for a host of the deployment's.
CREATE TABLE git_host_projects (
    tenant INTEGER NOT NULL,
    project BLOB NOT NULL,
    host BLOB NOT NULL,
    ticked_at INTEGER NOT NULL,
    changed_by BLOB NOT NULL,
    PRIMARY KEY (project, host)
) STRICT, WITHOUT ROWID;
CREATE INDEX git_host_projects_of ON git_host_projects (host);

-- People on their way to a host and back. digest is the state's; landed_at: they came back in the browser session
-- landed_session with the code of code_digest; taken_by: the verb that took the code away, once. renews: the
-- authorization that is to get another credential.
CREATE TABLE git_flows (
    id BLOB NOT NULL PRIMARY KEY,
    tenant INTEGER NOT NULL,
    digest BLOB NOT NULL,
    person BLOB NOT NULL,
    project BLOB NOT NULL,
    host BLOB NOT NULL,
    tag TEXT,
    redirect_uri TEXT NOT NULL,
    verifier BLOB,
    verifier_by BLOB REFERENCES data_keys (id),
    renews BLOB,
    opened_at INTEGER NOT NULL,
    expires_at INTEGER NOT NULL,
    landed_at INTEGER,
    landed_by BLOB,
    landed_session BLOB,
    code_digest BLOB,
    taken_at INTEGER,
    taken_by BLOB
) STRICT, WITHOUT ROWID;
CREATE INDEX git_flows_expiry ON git_flows (expires_at);
CREATE INDEX git_flows_of ON git_flows (project, person, expires_at);
CREATE INDEX git_flows_verifier_by ON git_flows (verifier_by) WHERE verifier_by IS NOT NULL;

-- What a project may do at a host, and the credential that says so. status: 0 normal, 1 overdue, 2 unauthenticated, with
-- its reason and since when. Each new credential has the next generation. refresh_claim: who renews it, since when, and
-- until when nobody else may; refresh_doubt: how many renewals of this generation were written down before they were
-- sent, of which nobody knows what became; refresh_failed: how one failed, and after which moment it is tried again.
CREATE TABLE git_authorizations (
    id BLOB NOT NULL PRIMARY KEY,
    tenant INTEGER NOT NULL,
    project BLOB NOT NULL,
    name TEXT NOT NULL,
    host BLOB NOT NULL,
    tag TEXT,
    token_type TEXT NOT NULL,
    upstream_id TEXT NOT NULL,
    login TEXT NOT NULL,
    avatar TEXT,
    home TEXT NOT NULL,
    scopes TEXT,
    access BLOB NOT NULL,
    access_by BLOB NOT NULL REFERENCES data_keys (id),
    access_ends_at INTEGER,
    refresh BLOB,
    refresh_by BLOB REFERENCES data_keys (id),
    refresh_ends_at INTEGER,
    status INTEGER NOT NULL,
    reason TEXT,
    status_since INTEGER NOT NULL,
    generation INTEGER NOT NULL,
    refresh_claim BLOB,
    refresh_since INTEGER,
    refresh_until INTEGER,
    refresh_doubt INTEGER NOT NULL,
    refresh_after INTEGER,
    refresh_failed TEXT,
    created_by BLOB NOT NULL,
    created_at INTEGER NOT NULL,
    updated_at INTEGER NOT NULL,
    changed_by BLOB NOT NULL
) STRICT, WITHOUT ROWID;
CREATE UNIQUE INDEX git_authorizations_name ON git_authorizations (project, name);
CREATE INDEX git_authorizations_of_host ON git_authorizations (host);
CREATE INDEX git_authorizations_access_by ON git_authorizations (access_by);
CREATE INDEX git_authorizations_refresh_by ON git_authorizations (refresh_by) WHERE refresh_by IS NOT NULL;

-- Tokens that are to be ended at their host. Who sends one claims it, which moves due_at to the end of the lease.
CREATE TABLE git_revocations (
    id BLOB NOT NULL PRIMARY KEY,
    tenant INTEGER NOT NULL,
    project BLOB NOT NULL,
    host BLOB NOT NULL,
    name TEXT NOT NULL,
    access BLOB NOT NULL,
    access_by BLOB NOT NULL REFERENCES data_keys (id),
    refresh BLOB,
    refresh_by BLOB REFERENCES data_keys (id),
    created_at INTEGER NOT NULL,
    due_at INTEGER NOT NULL,
    attempts INTEGER NOT NULL,
    claimed_by BLOB
) STRICT, WITHOUT ROWID;
CREATE INDEX git_revocations_due ON git_revocations (host, due_at);
CREATE INDEX git_revocations_access_by ON git_revocations (access_by);
CREATE INDEX git_revocations_refresh_by ON git_revocations (refresh_by) WHERE refresh_by IS NOT NULL;

CREATE TABLE audit (
    id BLOB NOT NULL PRIMARY KEY,
    tenant INTEGER NOT NULL,
    at INTEGER NOT NULL,
    node TEXT NOT NULL,
    actor TEXT NOT NULL,
    action TEXT NOT NULL,
    target TEXT NOT NULL,
    outcome TEXT NOT NULL,
    request_id TEXT,
    details TEXT NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX audit_time ON audit (tenant, at);
-- What anybody can make as many of as they like leaves the trail sooner than everything else.
CREATE INDEX audit_refused ON audit (tenant, at)
    WHERE outcome = 'refused' AND action IN ('session.open', 'git_flow.land', 'git_flow.take');
