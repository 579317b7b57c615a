-- The ground: everything that Vestibule remembers, in the first version. The same tables stand in
-- ../sqlite/0001_ground.sql; only the names of the types differ.
--
-- Ids are 16-byte UUIDv7 made by the server, times are Unix milliseconds, digests are SHA-256, switches that people
-- throw are moments, changed_by and its like are the row of the trail of the verb that changed a row last. There are no
-- foreign keys on what is issued (codes, grants, tokens, sessions): ending or removing something changes one row,
-- whatever hangs on it is dead at its next use because every acceptance joins up to that row, and upkeep sweeps it later
-- in small batches.

CREATE TABLE tenants (
    tenant BIGINT NOT NULL PRIMARY KEY,
    name TEXT COLLATE "C" NOT NULL,
    created_at BIGINT NOT NULL
);
INSERT INTO tenants (tenant, name, created_at) VALUES (1, 'default', 0);

-- What the operator's commands must know about the server beside them (its public URL).
CREATE TABLE settings (
    tenant BIGINT NOT NULL,
    name TEXT COLLATE "C" NOT NULL,
    value TEXT COLLATE "C" NOT NULL,
    PRIMARY KEY (tenant, name)
);

-- Numbers that are given out once and never again. Also the lock under which the first administrator is made.
CREATE TABLE counters (
    tenant BIGINT NOT NULL,
    name TEXT COLLATE "C" NOT NULL,
    value BIGINT NOT NULL,
    PRIMARY KEY (tenant, name)
);
INSERT INTO counters (tenant, name, value) VALUES (1, 'people', 0);

-- The tenant's epoch: a clock without hands, which an administrator's verbs on assignments, memberships and organizations
-- move on. Sessions and grants keep the epoch that they began in; what came later does not count for them, so that
-- nothing that ended lives again when it is given back, whatever the clocks of the nodes say.
INSERT INTO counters (tenant, name, value) VALUES (1, 'epoch', 0);

CREATE TABLE organizations (
    id BYTEA NOT NULL PRIMARY KEY,
    tenant BIGINT NOT NULL,
    parent BYTEA,
    name TEXT COLLATE "C" NOT NULL,
    name_key TEXT COLLATE "C" NOT NULL,
    external_id TEXT COLLATE "C" NOT NULL,
    disabled_at BIGINT,
    epoch BIGINT NOT NULL,
    created_at BIGINT NOT NULL
);
CREATE UNIQUE INDEX organizations_name ON organizations (tenant, name_key);
CREATE UNIQUE INDEX organizations_external ON organizations (tenant, external_id);
CREATE INDEX organizations_parent ON organizations (parent);

-- The closure of the tree: every organization with each of its ancestors and with itself.
CREATE TABLE organization_tree (
    tenant BIGINT NOT NULL,
    descendant BYTEA NOT NULL,
    ancestor BYTEA NOT NULL,
    PRIMARY KEY (descendant, ancestor)
);
CREATE INDEX organization_tree_down ON organization_tree (ancestor);

CREATE TABLE people (
    id BYTEA NOT NULL PRIMARY KEY,
    tenant BIGINT NOT NULL,
    number BIGINT NOT NULL,
    subject TEXT COLLATE "C" NOT NULL,
    external_id TEXT COLLATE "C",
    user_name TEXT COLLATE "C" NOT NULL,
    user_name_key TEXT COLLATE "C" NOT NULL,
    email TEXT COLLATE "C",
    email_key TEXT COLLATE "C",
    email_verified BIGINT NOT NULL,
    nickname TEXT COLLATE "C",
    phone TEXT COLLATE "C",
    locale TEXT COLLATE "C",
    zone TEXT COLLATE "C",
    password_hash TEXT COLLATE "C",
    administrator BIGINT NOT NULL,
    disabled_at BIGINT,
    valid_from BIGINT NOT NULL,
    last_sign_in_at BIGINT NOT NULL,
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL,
    changed_by BYTEA
);
CREATE UNIQUE INDEX people_number ON people (tenant, number);
CREATE UNIQUE INDEX people_subject ON people (tenant, subject);
CREATE UNIQUE INDEX people_external ON people (tenant, external_id);
CREATE UNIQUE INDEX people_user_name ON people (tenant, user_name_key);
CREATE UNIQUE INDEX people_email ON people (tenant, email_key);
CREATE INDEX people_administrators ON people (tenant) WHERE administrator = 1;

CREATE TABLE person_organizations (
    tenant BIGINT NOT NULL,
    person BYTEA NOT NULL,
    organization BYTEA NOT NULL,
    is_primary BIGINT NOT NULL,
    changed_by BYTEA,
    epoch BIGINT NOT NULL,
    PRIMARY KEY (person, organization)
);
CREATE UNIQUE INDEX person_organizations_primary ON person_organizations (person) WHERE is_primary = 1;
CREATE INDEX person_organizations_members ON person_organizations (organization);

CREATE TABLE groups (
    id BYTEA NOT NULL PRIMARY KEY,
    tenant BIGINT NOT NULL,
    name TEXT COLLATE "C" NOT NULL,
    name_key TEXT COLLATE "C" NOT NULL,
    created_at BIGINT NOT NULL
);
CREATE UNIQUE INDEX groups_name ON groups (tenant, name_key);

CREATE TABLE group_members (
    tenant BIGINT NOT NULL,
    person BYTEA NOT NULL,
    group_id BYTEA NOT NULL,
    added_at BIGINT NOT NULL,
    changed_by BYTEA NOT NULL,
    epoch BIGINT NOT NULL,
    PRIMARY KEY (person, group_id)
);
CREATE INDEX group_members_of ON group_members (group_id);

-- hands_out_at: since when programs of its editors may be handed its authorizations' live tokens; none when they may not.
CREATE TABLE projects (
    id BYTEA NOT NULL PRIMARY KEY,
    tenant BIGINT NOT NULL,
    name TEXT COLLATE "C" NOT NULL,
    name_key TEXT COLLATE "C" NOT NULL,
    created_at BIGINT NOT NULL,
    hands_out_at BIGINT,
    changed_by BYTEA
);
CREATE UNIQUE INDEX projects_name ON projects (tenant, name_key);

-- role: 1 an owner, 2 an editor, 3 a viewer. added_by is the verb that let the person in: what was given in a membership that has ended
-- stays dead when they are let in again.
CREATE TABLE project_members (
    tenant BIGINT NOT NULL,
    project BYTEA NOT NULL,
    person BYTEA NOT NULL,
    role BIGINT NOT NULL,
    added_at BIGINT NOT NULL,
    added_by BYTEA NOT NULL,
    changed_by BYTEA NOT NULL,
    PRIMARY KEY (project, person)
);
CREATE INDEX project_members_of ON project_members (person);

CREATE TABLE applications (
    id BYTEA NOT NULL PRIMARY KEY,
    tenant BIGINT NOT NULL,
    client_id TEXT COLLATE "C" NOT NULL,
    name TEXT COLLATE "C" NOT NULL,
    name_key TEXT COLLATE "C" NOT NULL,
    template TEXT COLLATE "C" NOT NULL,
    confidential BIGINT NOT NULL,
    switches BIGINT NOT NULL,
    access_ms BIGINT NOT NULL,
    refresh_idle_ms BIGINT NOT NULL,
    refresh_max_ms BIGINT NOT NULL,
    scopes TEXT COLLATE "C" NOT NULL,
    access TEXT COLLATE "C" NOT NULL,
    id_token_alg TEXT COLLATE "C" NOT NULL,
    access_token TEXT COLLATE "C" NOT NULL,
    sector TEXT COLLATE "C",
    home_page TEXT COLLATE "C",
    verified BIGINT NOT NULL,
    disabled_at BIGINT,
    valid_from BIGINT NOT NULL,
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL,
    changed_by BYTEA
);
CREATE UNIQUE INDEX applications_client_id ON applications (tenant, client_id);
CREATE UNIQUE INDEX applications_name ON applications (tenant, name_key);

-- Apart from the application, so that its row stays small on the way of every token.
CREATE TABLE logos (
    application BYTEA NOT NULL PRIMARY KEY,
    tenant BIGINT NOT NULL,
    media_type TEXT COLLATE "C" NOT NULL,
    bytes BYTEA NOT NULL
);

CREATE TABLE client_secrets (
    id BYTEA NOT NULL PRIMARY KEY,
    tenant BIGINT NOT NULL,
    application BYTEA NOT NULL,
    digest BYTEA NOT NULL,
    created_at BIGINT NOT NULL,
    ends_at BIGINT
);
CREATE INDEX client_secrets_of ON client_secrets (application);
CREATE INDEX client_secrets_ended ON client_secrets (ends_at) WHERE ends_at IS NOT NULL;

CREATE TABLE redirect_uris (
    tenant BIGINT NOT NULL,
    application BYTEA NOT NULL,
    position BIGINT NOT NULL,
    uri TEXT COLLATE "C" NOT NULL,
    origin TEXT COLLATE "C",
    PRIMARY KEY (application, position)
);
CREATE INDEX redirect_uris_origin ON redirect_uris (tenant, origin);

-- kind: 1 a person, 2 a group, 3 an organization with everything below it.
CREATE TABLE assignments (
    tenant BIGINT NOT NULL,
    application BYTEA NOT NULL,
    kind BIGINT NOT NULL,
    subject BYTEA NOT NULL,
    assigned_at BIGINT NOT NULL,
    changed_by BYTEA NOT NULL,
    epoch BIGINT NOT NULL,
    PRIMARY KEY (application, kind, subject)
);

-- Applications that were removed, until upkeep has swept what hung on them.
CREATE TABLE removed_applications (
    id BYTEA NOT NULL PRIMARY KEY,
    tenant BIGINT NOT NULL,
    removed_at BIGINT NOT NULL,
    removed_by BYTEA NOT NULL
);

-- A session that follows another one of the same person in the same browser has that one's root. Signing out is written
-- on the root, where it ends what was issued in any of them; so a root stays for as long as something names it.
CREATE TABLE sessions (
    id BYTEA NOT NULL PRIMARY KEY,
    tenant BIGINT NOT NULL,
    digest BYTEA NOT NULL,
    person BYTEA NOT NULL,
    auth_time BIGINT NOT NULL,
    seen_at BIGINT NOT NULL,
    idle_ends_at BIGINT NOT NULL,
    ends_at BIGINT NOT NULL,
    ended_at BIGINT,
    epoch BIGINT NOT NULL,
    ended_by BYTEA,
    root BYTEA NOT NULL,
    signed_out_at BIGINT,
    kept_until BIGINT NOT NULL
);
CREATE INDEX sessions_expiry ON sessions (kept_until);
CREATE INDEX sessions_of_root ON sessions (root);

-- Where an application wants people sent after they signed out, and where it wants to hear that somebody did.
CREATE TABLE post_logout_redirect_uris (
    tenant BIGINT NOT NULL,
    application BYTEA NOT NULL,
    position BIGINT NOT NULL,
    uri TEXT COLLATE "C" NOT NULL,
    PRIMARY KEY (application, position)
);

CREATE TABLE logout_addresses (
    application BYTEA NOT NULL PRIMARY KEY,
    tenant BIGINT NOT NULL,
    uri TEXT COLLATE "C" NOT NULL,
    session_required BIGINT NOT NULL
);

-- To which of the applications that want to hear of its end a person went in a session (its root).
CREATE TABLE session_applications (
    session BYTEA NOT NULL,
    application BYTEA NOT NULL,
    tenant BIGINT NOT NULL,
    person BYTEA NOT NULL,
    kept_until BIGINT NOT NULL,
    PRIMARY KEY (session, application)
);
CREATE INDEX session_applications_of ON session_applications (person);
CREATE INDEX session_applications_expiry ON session_applications (kept_until);

-- Ends of sessions that applications have not heard of yet: event is the row of the trail of the verb that ended it. Who
-- sends one claims it, which moves due_at to the end of the lease.
CREATE TABLE logout_notices (
    event BYTEA NOT NULL,
    session BYTEA NOT NULL,
    application BYTEA NOT NULL,
    tenant BIGINT NOT NULL,
    person BYTEA NOT NULL,
    created_at BIGINT NOT NULL,
    due_at BIGINT NOT NULL,
    attempts BIGINT NOT NULL,
    claimed_by BYTEA,
    PRIMARY KEY (event, session, application)
);
CREATE INDEX logout_notices_due ON logout_notices (application, due_at);
CREATE INDEX logout_notices_age ON logout_notices (created_at);

-- chosen is the session that the person said to go on with, where the application wants them asked.
CREATE TABLE authorizations (
    id BYTEA NOT NULL PRIMARY KEY,
    tenant BIGINT NOT NULL,
    application BYTEA NOT NULL,
    browser_digest BYTEA NOT NULL,
    request TEXT COLLATE "C" NOT NULL,
    chosen BYTEA,
    created_at BIGINT NOT NULL,
    expires_at BIGINT NOT NULL,
    answered_by BYTEA,
    answered_at BIGINT
);
CREATE INDEX authorizations_expiry ON authorizations (expires_at);

-- What a person (or an application for itself: person NULL) allowed an application, in which browser session (its root;
-- session_epoch is the epoch of the sign-in) and under which generation of their consent. claims is what was asked
-- for by name (OpenID Connect). expires_at moves with the last
-- token that hangs on it; what hangs on a grant dies when ended_at is set (ended_by: the row of the trail).
CREATE TABLE grants (
    id BYTEA NOT NULL PRIMARY KEY,
    tenant BIGINT NOT NULL,
    application BYTEA NOT NULL,
    person BYTEA,
    kind TEXT COLLATE "C" NOT NULL,
    scopes TEXT COLLATE "C" NOT NULL,
    session BYTEA,
    session_epoch BIGINT NOT NULL,
    epoch BIGINT NOT NULL,
    consent BIGINT NOT NULL,
    claims TEXT COLLATE "C",
    auth_time BIGINT NOT NULL,
    created_at BIGINT NOT NULL,
    expires_at BIGINT NOT NULL,
    ended_at BIGINT,
    ended_by BYTEA,
    ended_why TEXT COLLATE "C"
);
CREATE INDEX grants_expiry ON grants (expires_at);
CREATE INDEX grants_in_session ON grants (session) WHERE session IS NOT NULL;
CREATE INDEX grants_of_person ON grants (person, application) WHERE person IS NOT NULL;

CREATE TABLE codes (
    id BYTEA NOT NULL PRIMARY KEY,
    tenant BIGINT NOT NULL,
    digest BYTEA NOT NULL,
    grant_id BYTEA NOT NULL,
    redirect_uri TEXT COLLATE "C" NOT NULL,
    redirect_uri_sent BIGINT NOT NULL,
    challenge TEXT COLLATE "C",
    nonce TEXT COLLATE "C",
    created_at BIGINT NOT NULL,
    expires_at BIGINT NOT NULL,
    spent_by BYTEA,
    spent_at BIGINT
);
CREATE INDEX codes_of ON codes (grant_id);

CREATE TABLE tokens (
    id BYTEA NOT NULL PRIMARY KEY,
    tenant BIGINT NOT NULL,
    digest BYTEA NOT NULL,
    grant_id BYTEA NOT NULL,
    scopes TEXT COLLATE "C" NOT NULL,
    created_at BIGINT NOT NULL,
    expires_at BIGINT NOT NULL,
    revoked_at BIGINT,
    revoked_by BYTEA
);
CREATE INDEX tokens_expiry ON tokens (expires_at);

-- One row per generation; all generations of a grant are one family, and the numbers form a path (FM-28).
-- A generation that another was traded for keeps what its secrets were derived with (salt), the access token that went
-- with it, and who asked (sender: null for a client that had authenticated).
CREATE TABLE refresh_tokens (
    id BYTEA NOT NULL PRIMARY KEY,
    tenant BIGINT NOT NULL,
    digest BYTEA NOT NULL,
    grant_id BYTEA NOT NULL,
    number BIGINT NOT NULL,
    created_at BIGINT NOT NULL,
    idle_ends_at BIGINT NOT NULL,
    max_ends_at BIGINT NOT NULL,
    spent_by BYTEA,
    spent_at BIGINT,
    salt BYTEA,
    access_token BYTEA,
    sender BYTEA
);
CREATE UNIQUE INDEX refresh_tokens_path ON refresh_tokens (grant_id, number);

-- What a person ticked last for an application; scopes is NULL when it was withdrawn. Withdrawing moves the generation on,
-- and a grant of an earlier generation is dead.
CREATE TABLE consents (
    tenant BIGINT NOT NULL,
    person BYTEA NOT NULL,
    application BYTEA NOT NULL,
    scopes TEXT COLLATE "C",
    given_at BIGINT NOT NULL,
    generation BIGINT NOT NULL,
    withdrawn_at BIGINT,
    PRIMARY KEY (person, application)
);
CREATE INDEX consents_of ON consents (application);

CREATE TABLE older_forms (
    tenant BIGINT NOT NULL,
    application BYTEA NOT NULL,
    form BIGINT NOT NULL,
    day BIGINT NOT NULL,
    uses BIGINT NOT NULL,
    PRIMARY KEY (application, form, day)
);

CREATE TABLE setup_links (
    id BYTEA NOT NULL PRIMARY KEY,
    tenant BIGINT NOT NULL,
    digest BYTEA NOT NULL,
    created_at BIGINT NOT NULL,
    expires_at BIGINT NOT NULL,
    spent_by BYTEA,
    spent_at BIGINT,
    ended_at BIGINT
);
CREATE INDEX setup_links_expiry ON setup_links (expires_at);

-- How often something was tried in vain: key is a digest of whose tries are counted together, so no address stands here.
-- Of the failures so many are tries that are under way, of which nobody knows yet; until then they are waited for.
CREATE TABLE guesses (
    tenant BIGINT NOT NULL,
    key BYTEA NOT NULL,
    failures BIGINT NOT NULL,
    window_started_at BIGINT NOT NULL,
    next_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL,
    claimed_by BYTEA NOT NULL,
    under_way BIGINT NOT NULL,
    under_way_until BIGINT NOT NULL,
    PRIMARY KEY (tenant, key)
);
CREATE INDEX guesses_age ON guesses (updated_at);

-- Browsers in which a person has signed in before: others' failures do not keep them out.
CREATE TABLE devices (
    tenant BIGINT NOT NULL,
    person BYTEA NOT NULL,
    browser BYTEA NOT NULL,
    ends_at BIGINT NOT NULL,
    PRIMARY KEY (person, browser)
);
CREATE INDEX devices_expiry ON devices (ends_at);

-- What seals: a key of the deployment's own (scope: sixteen zero bytes) and one of each project (its id), wrapped under the
-- key-encryption key that wrapped_by names and that stands in no table. retired_at: another one seals; rows are moved
-- to it. What is sealed names its data key in a foreign key, so that no data key goes while something needs it, whatever
-- another node writes at that moment.
CREATE TABLE data_keys (
    id BYTEA NOT NULL PRIMARY KEY,
    tenant BIGINT NOT NULL,
    scope BYTEA NOT NULL,
    wrapped BYTEA NOT NULL,
    wrapped_by TEXT COLLATE "C" NOT NULL,
    created_at BIGINT NOT NULL,
    retired_at BIGINT
);
CREATE UNIQUE INDEX data_keys_sealing ON data_keys (tenant, scope) WHERE retired_at IS NULL;
CREATE INDEX data_keys_retired ON data_keys (retired_at) WHERE retired_at IS NOT NULL;
CREATE INDEX data_keys_wrapped ON data_keys (wrapped_by);

-- Secrets of the deployment that are made once (by what pairwise subjects are made).
CREATE TABLE deployment_secrets (
    id BYTEA NOT NULL PRIMARY KEY,
    tenant BIGINT NOT NULL,
    name TEXT COLLATE "C" NOT NULL,
    sealed BYTEA NOT NULL,
    sealed_by BYTEA NOT NULL REFERENCES data_keys (id),
    created_at BIGINT NOT NULL
);
CREATE UNIQUE INDEX deployment_secrets_name ON deployment_secrets (tenant, name);
CREATE INDEX deployment_secrets_sealed_by ON deployment_secrets (sealed_by);

-- What tokens are signed with. The next key of an algorithm is published and may sign from usable_at on; the current one
-- signs since promoted_at; one that was replaced stays published until ends_at. jwk is the public half as it is shown to
-- people; what is published is derived from the sealed half, so that nobody who can write here alone adds a key.
CREATE TABLE signing_keys (
    id BYTEA NOT NULL PRIMARY KEY,
    tenant BIGINT NOT NULL,
    algorithm TEXT COLLATE "C" NOT NULL,
    kid TEXT COLLATE "C" NOT NULL,
    jwk TEXT COLLATE "C" NOT NULL,
    sealed BYTEA NOT NULL,
    sealed_by BYTEA NOT NULL REFERENCES data_keys (id),
    published_at BIGINT NOT NULL,
    usable_at BIGINT NOT NULL,
    promoted_at BIGINT,
    promoted_by BYTEA,
    replaced_at BIGINT,
    replaced_by BYTEA,
    ends_at BIGINT
);
CREATE UNIQUE INDEX signing_keys_kid ON signing_keys (tenant, kid);
CREATE UNIQUE INDEX signing_keys_next ON signing_keys (tenant, algorithm) WHERE promoted_at IS NULL;
CREATE UNIQUE INDEX signing_keys_current ON signing_keys (tenant, algorithm)
    WHERE promoted_at IS NOT NULL AND replaced_at IS NULL;
CREATE INDEX signing_keys_sealed_by ON signing_keys (sealed_by);

-- What programs sign their requests with. The secret is sealed, because signatures are checked with it.
CREATE TABLE access_keys (
    id BYTEA NOT NULL PRIMARY KEY,
    tenant BIGINT NOT NULL,
    access_key TEXT COLLATE "C" NOT NULL,
    person BYTEA NOT NULL,
    sealed BYTEA NOT NULL,
    sealed_by BYTEA NOT NULL REFERENCES data_keys (id),
    created_at BIGINT NOT NULL,
    disabled_at BIGINT,
    changed_by BYTEA NOT NULL
);
CREATE UNIQUE INDEX access_keys_name ON access_keys (tenant, access_key);
CREATE INDEX access_keys_sealed_by ON access_keys (sealed_by);

-- Wrong signatures: key is a digest of an access key, alone or with the address that it was tried from.
CREATE TABLE access_key_failures (
    tenant BIGINT NOT NULL,
    key BYTEA NOT NULL,
    failures BIGINT NOT NULL,
    window_started_at BIGINT NOT NULL,
    locked_until BIGINT NOT NULL,
    updated_at BIGINT NOT NULL,
    claimed_by BYTEA NOT NULL,
    PRIMARY KEY (tenant, key)
);
CREATE INDEX access_key_failures_age ON access_key_failures (updated_at);

-- What programs act with for a person in a project. membership is the added_by of the membership that a token was given in,
-- epoch the tenant's epoch then, access_key the key that it was fetched with, if it was with one.
CREATE TABLE project_tokens (
    id BYTEA NOT NULL PRIMARY KEY,
    tenant BIGINT NOT NULL,
    digest BYTEA NOT NULL,
    person BYTEA NOT NULL,
    project BYTEA NOT NULL,
    membership BYTEA NOT NULL,
    access_key BYTEA,
    auth_time BIGINT NOT NULL,
    epoch BIGINT NOT NULL,
    created_at BIGINT NOT NULL,
    expires_at BIGINT NOT NULL,
    ended_at BIGINT,
    ended_by BYTEA
);
CREATE INDEX project_tokens_expiry ON project_tokens (expires_at);

-- Where Git authorizations come from: one application of ours at one host. scope: sixteen zero bytes where it is the
-- deployment's, which serves the projects that git_host_projects names, or the one project that it belongs to; also the
-- scope of the data key that seals the secret. Of one kind, the one that was made the default last is the default.
CREATE TABLE git_hosts (
    id BYTEA NOT NULL PRIMARY KEY,
    tenant BIGINT NOT NULL,
    scope BYTEA NOT NULL,
    name TEXT COLLATE "C" NOT NULL,
    name_key TEXT COLLATE "C" NOT NULL,
    kind TEXT COLLATE "C" NOT NULL,
    web TEXT COLLATE "C" NOT NULL,
    client_id TEXT COLLATE "C",
    secret BYTEA,
    secret_by BYTEA REFERENCES data_keys (id),
    scopes TEXT COLLATE "C" NOT NULL,
    tags TEXT COLLATE "C" NOT NULL,
    default_at BIGINT,
    disabled_at BIGINT,
    created_at BIGINT NOT NULL,
    changed_by BYTEA NOT NULL
);
CREATE UNIQUE INDEX git_hosts_name ON git_hosts (tenant, scope, name_key);
CREATE INDEX git_hosts_secret_by ON git_hosts (secret_by);

-- The projects that an administrator ticked for a host of the deployment's.
CREATE TABLE git_host_projects (
    tenant BIGINT NOT NULL,
    project BYTEA NOT NULL,
    host BYTEA NOT NULL,
    ticked_at BIGINT NOT NULL,
    changed_by BYTEA NOT NULL,
    PRIMARY KEY (project, host)
);
CREATE INDEX git_host_projects_of ON git_host_projects (host);

-- People on their way to a host and back. digest is the state's; landed_at: they came back in the browser session
-- landed_session with the code of code_digest; taken_by: the verb that took the code away, once. renews: the
-- authorization that is to get another credential.
CREATE TABLE git_flows (
    id BYTEA NOT NULL PRIMARY KEY,
    tenant BIGINT NOT NULL,
    digest BYTEA NOT NULL,
    person BYTEA NOT NULL,
    project BYTEA NOT NULL,
    host BYTEA NOT NULL,
    tag TEXT COLLATE "C",
    redirect_uri TEXT COLLATE "C" NOT NULL,
    verifier BYTEA,
    verifier_by BYTEA REFERENCES data_keys (id),
    renews BYTEA,
    opened_at BIGINT NOT NULL,
    expires_at BIGINT NOT NULL,
    landed_at BIGINT,
    landed_by BYTEA,
    landed_session BYTEA,
    code_digest BYTEA,
    taken_at BIGINT,
    taken_by BYTEA
);
CREATE INDEX git_flows_expiry ON git_flows (expires_at);
CREATE INDEX git_flows_of ON git_flows (project, person, expires_at);
CREATE INDEX git_flows_verifier_by ON git_flows (verifier_by) WHERE verifier_by IS NOT NULL;

-- What a project may do at a host, and the credential that says so. status: 0 normal, 1 overdue, 2 unauthenticated, with
-- its reason and since when. Each new credential has the next generation. refresh_claim: who renews it, since when, and
-- until when nobody else may; refresh_doubt: how many renewals of this generation were written down before they were
-- sent, of which nobody knows what became; refresh_failed: how one failed, and after which moment it is tried again.
CREATE TABLE git_authorizations (
    id BYTEA NOT NULL PRIMARY KEY,
    tenant BIGINT NOT NULL,
    project BYTEA NOT NULL,
    name TEXT COLLATE "C" NOT NULL,
    host BYTEA NOT NULL,
    tag TEXT COLLATE "C",
    token_type TEXT COLLATE "C" NOT NULL,
    upstream_id TEXT COLLATE "C" NOT NULL,
    login TEXT COLLATE "C" NOT NULL,
    avatar TEXT COLLATE "C",
    home TEXT COLLATE "C" NOT NULL,
    scopes TEXT COLLATE "C",
    access BYTEA NOT NULL,
    access_by BYTEA NOT NULL REFERENCES data_keys (id),
    access_ends_at BIGINT,
    refresh BYTEA,
    refresh_by BYTEA REFERENCES data_keys (id),
    refresh_ends_at BIGINT,
    status BIGINT NOT NULL,
    reason TEXT COLLATE "C",
    status_since BIGINT NOT NULL,
    generation BIGINT NOT NULL,
    refresh_claim BYTEA,
    refresh_since BIGINT,
    refresh_until BIGINT,
    refresh_doubt BIGINT NOT NULL,
    refresh_after BIGINT,
    refresh_failed TEXT COLLATE "C",
    created_by BYTEA NOT NULL,
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL,
    changed_by BYTEA NOT NULL
);
CREATE UNIQUE INDEX git_authorizations_name ON git_authorizations (project, name);
CREATE INDEX git_authorizations_of_host ON git_authorizations (host);
CREATE INDEX git_authorizations_access_by ON git_authorizations (access_by);
CREATE INDEX git_authorizations_refresh_by ON git_authorizations (refresh_by) WHERE refresh_by IS NOT NULL;

-- Tokens that are to be ended at their host. Who sends one claims it, which moves due_at to the end of the lease.
CREATE TABLE git_revocations (
    id BYTEA NOT NULL PRIMARY KEY,
    tenant BIGINT NOT NULL,
    project BYTEA NOT NULL,
    host BYTEA NOT NULL,
    name TEXT COLLATE "C" NOT NULL,
    access BYTEA NOT NULL,
    access_by BYTEA NOT NULL REFERENCES data_keys (id),
    refresh BYTEA,
    refresh_by BYTEA REFERENCES data_keys (id),
    created_at BIGINT NOT NULL,
    due_at BIGINT NOT NULL,
    attempts BIGINT NOT NULL,
    claimed_by BYTEA
);
CREATE INDEX git_revocations_due ON git_revocations (host, due_at);
CREATE INDEX git_revocations_access_by ON git_revocations (access_by);
CREATE INDEX git_revocations_refresh_by ON git_revocations (refresh_by) WHERE refresh_by IS NOT NULL;

CREATE TABLE audit (
    id BYTEA NOT NULL PRIMARY KEY,
    tenant BIGINT NOT NULL,
    at BIGINT NOT NULL,
    node TEXT COLLATE "C" NOT NULL,
    actor TEXT COLLATE "C" NOT NULL,
    action TEXT COLLATE "C" NOT NULL,
    target TEXT COLLATE "C" NOT NULL,
    outcome TEXT COLLATE "C" NOT NULL,
    request_id TEXT COLLATE "C",
    details TEXT COLLATE "C" NOT NULL
);
CREATE INDEX audit_time ON audit (tenant, at);
-- What anybody can make as many of as they like leaves the trail sooner than everything else.
CREATE INDEX audit_refused ON audit (tenant, at)
    WHERE outcome = 'refused' AND action IN ('session.open', 'git_flow.land', 'git_flow.take');
