//! Reading rows column after column, and the column lists that several nouns share.
//!
//! Owns how a client, a person's profile and a standing are spelled as columns and read back, so that each is written
//! once. Does not own any table.

use crate::error::StoreError;
use crate::row::Row;
use crate::sealed::SealedValue;
use crate::tokens::FoundPerson;
use vestibule_oauth::claims_request::ClaimsRequest;
use vestibule_oauth::client::{Access, AccessTokenFormat, Client, Owner};
use vestibule_oauth::id::Id;
use vestibule_oauth::jose::Algorithm;
use vestibule_oauth::scope::ScopeSet;
use vestibule_oauth::secret::Digest;
use vestibule_oauth::template::{Lifetimes, Switches, Template};
use vestibule_oauth::token::{PersonStanding, Standing};
use vestibule_oauth::userinfo::{Organization, Profile};

/// The columns of a client; the table is aliased `a`. Read by [`Columns::client`].
macro_rules! client_columns {
    () => {
        "a.id, a.client_id, a.name, a.template, a.confidential, a.switches, a.access_ms, a.refresh_idle_ms, \
         a.refresh_max_ms, a.scopes, a.access, a.id_token_alg, a.access_token, a.sector, a.disabled_at"
    };
}
pub(crate) use client_columns;

/// The columns of the client that a token was given to; the table is aliased `a`. Read by [`Columns::owner`].
macro_rules! owner_columns {
    () => {
        "a.id, a.client_id, a.template, a.switches, a.scopes, a.sector"
    };
}
pub(crate) use owner_columns;

/// The columns of a person's profile with the primary organization; the tables are aliased `p` and `o`. Read by
/// [`Columns::profile`].
macro_rules! profile_columns {
    () => {
        "p.subject, p.number, p.external_id, p.user_name, p.email, p.email_verified, p.nickname, p.phone, p.locale, \
         p.zone, p.created_at, p.updated_at, o.name, o.external_id"
    };
}
pub(crate) use profile_columns;

/// The columns of the person `p` behind a grant `g`, and of what the grant lets be told of them. Read by
/// [`Columns::person`]; where the primary organization counts, its name and external id come right after.
macro_rules! person_columns {
    () => {
        "p.id, g.session, g.claims, p.subject, p.number, p.external_id, p.user_name, p.email, p.email_verified, \
         p.nickname, p.phone, p.locale, p.zone, p.created_at, p.updated_at"
    };
}
pub(crate) use person_columns;

/// What decides whether something of a grant is alive; the tables are aliased `g`, `p` and `a`. Stands right before
/// `assigned!()`; both are read by [`Columns::standing`].
///
/// A consent of which nothing is kept was never withdrawn: its generation is 0.
macro_rules! standing_columns {
    () => {
        $crate::columns::standing_columns!($crate::organizations::organization_off!("g.session_epoch"))
    };
    ($organization_off:expr) => {
        concat!(
            "g.created_at, g.ended_at, \
             EXISTS (SELECT 1 FROM sessions r WHERE r.id = g.session AND r.signed_out_at IS NOT NULL), \
             COALESCE((SELECT c.generation FROM consents c \
                WHERE c.person = g.person AND c.application = g.application), 0) <> g.consent, ",
            $organization_off,
            ", a.disabled_at, a.valid_from, p.id, p.disabled_at, p.valid_from, g.auth_time"
        )
    };
}
pub(crate) use standing_columns;

/// Joins the primary organization of the person `p` as `o`.
macro_rules! primary_organization {
    () => {
        " LEFT JOIN person_organizations po ON po.person = p.id AND po.is_primary = 1 \
          LEFT JOIN organizations o ON o.id = po.organization "
    };
}
pub(crate) use primary_organization;

/// A row that is read from left to right.
pub(crate) struct Columns<'a> {
    row: &'a mut Row,
    next: usize,
}

impl<'a> Columns<'a> {
    /// Starts at the first column.
    pub(crate) fn of(row: &'a mut Row) -> Columns<'a> {
        Columns { row, next: 0 }
    }

    fn step(&mut self) -> usize {
        self.next += 1;
        self.next - 1
    }

    pub(crate) fn id(&mut self) -> Result<Id, StoreError> {
        let at = self.step();
        self.row.id(at)
    }

    pub(crate) fn opt_id(&mut self) -> Result<Option<Id>, StoreError> {
        let at = self.step();
        self.row.opt_id(at)
    }

    pub(crate) fn digest(&mut self) -> Result<Digest, StoreError> {
        let at = self.step();
        self.row.digest(at)
    }

    pub(crate) fn opt_digest(&mut self) -> Result<Option<Digest>, StoreError> {
        let at = self.step();
        self.row.opt_digest(at)
    }

    pub(crate) fn text(&mut self) -> Result<String, StoreError> {
        let at = self.step();
        self.row.take_text(at)
    }

    pub(crate) fn opt_text(&mut self) -> Result<Option<String>, StoreError> {
        let at = self.step();
        self.row.take_opt_text(at)
    }

    pub(crate) fn int(&mut self) -> Result<i64, StoreError> {
        let at = self.step();
        self.row.int(at)
    }

    pub(crate) fn opt_int(&mut self) -> Result<Option<i64>, StoreError> {
        let at = self.step();
        self.row.opt_int(at)
    }

    pub(crate) fn flag(&mut self) -> Result<bool, StoreError> {
        let at = self.step();
        self.row.flag(at)
    }

    pub(crate) fn blob(&mut self) -> Result<Vec<u8>, StoreError> {
        let at = self.step();
        self.row.blob(at).map(<[u8]>::to_vec)
    }

    /// Reads a sealed value and the name of its data key.
    pub(crate) fn sealed(&mut self) -> Result<SealedValue, StoreError> {
        Ok(SealedValue { bytes: self.blob()?, key: self.id()? })
    }

    /// Reads a sealed value and the name of its data key, or two nulls.
    pub(crate) fn opt_sealed(&mut self) -> Result<Option<SealedValue>, StoreError> {
        let at = self.step();
        let bytes = self.row.opt_blob(at)?.map(<[u8]>::to_vec);
        let key = self.opt_id()?;
        match (bytes, key) {
            (Some(bytes), Some(key)) => Ok(Some(SealedValue { bytes, key })),
            (None, None) => Ok(None),
            _ => Err(self.row.wrong(at)),
        }
    }

    pub(crate) fn scopes(&mut self) -> Result<ScopeSet, StoreError> {
        let at = self.step();
        ScopeSet::parse(self.row.text(at)?).map_err(|_| self.row.wrong(at))
    }

    pub(crate) fn opt_scopes(&mut self) -> Result<Option<ScopeSet>, StoreError> {
        let at = self.step();
        self.row.opt_text(at)?.map(ScopeSet::parse).transpose().map_err(|_| self.row.wrong(at))
    }

    /// Reads text by `parse`; what that does not know is an inconsistent row.
    pub(crate) fn parsed<T>(&mut self, parse: impl Fn(&str) -> Option<T>) -> Result<T, StoreError> {
        let at = self.step();
        parse(self.row.text(at)?).ok_or_else(|| self.row.wrong(at))
    }

    /// Reads text by `parse`, or null.
    pub(crate) fn opt_parsed<T>(&mut self, parse: impl Fn(&str) -> Option<T>) -> Result<Option<T>, StoreError> {
        let at = self.step();
        self.row.opt_text(at)?.map(|text| parse(text).ok_or_else(|| self.row.wrong(at))).transpose()
    }

    /// Reads `client_columns!()`.
    pub(crate) fn client(&mut self) -> Result<Client, StoreError> {
        Ok(Client {
            id: self.id()?,
            client_id: self.text()?,
            name: self.text()?,
            template: self.parsed(Template::parse)?,
            confidential: self.flag()?,
            switches: Switches::from_bits(self.int()?),
            lifetimes: Lifetimes { access_ms: self.int()?, refresh_idle_ms: self.int()?, refresh_max_ms: self.int()? },
            scopes: self.scopes()?,
            access: self.parsed(Access::parse)?,
            id_token_alg: self.parsed(Algorithm::parse)?,
            access_token_format: self.parsed(AccessTokenFormat::parse)?,
            sector: self.opt_text()?,
            enabled: self.opt_int()?.is_none(),
        })
    }

    /// Reads `owner_columns!()`.
    pub(crate) fn owner(&mut self) -> Result<Owner, StoreError> {
        Ok(Owner {
            id: self.id()?,
            client_id: self.text()?,
            template: self.parsed(Template::parse)?,
            switches: Switches::from_bits(self.int()?),
            scopes: self.scopes()?,
            sector: self.opt_text()?,
        })
    }

    /// Reads `standing_columns!()` and `assigned!()`, for something that ends at `expires_at`.
    pub(crate) fn standing(&mut self, expires_at: i64) -> Result<Standing, StoreError> {
        let (begun_at, grant_ended) = (self.int()?, self.opt_int()?.is_some());
        let (signed_out, consent_withdrawn, organization_off) = (self.flag()?, self.flag()?, self.flag()?);
        let (client_enabled, client_valid_from) = (self.opt_int()?.is_none(), self.int()?);
        let (person, disabled_at, valid_from) = (self.opt_id()?, self.opt_int()?, self.opt_int()?);
        let (signed_in_at, assigned) = (self.int()?, self.flag()?);
        let person = person.zip(valid_from).map(|(_, valid_from)| PersonStanding {
            enabled: disabled_at.is_none(),
            valid_from,
            signed_in_at,
            assigned,
        });
        Ok(Standing {
            begun_at,
            expires_at,
            revoked: false,
            grant_ended,
            signed_out,
            consent_withdrawn,
            organization_off,
            person,
            client_enabled,
            client_valid_from,
        })
    }

    /// Reads `person_columns!()`; `None` where there is no person.
    pub(crate) fn person(&mut self) -> Result<Option<FoundPerson>, StoreError> {
        const OTHERS: usize = 14;
        let Some(id) = self.opt_id()? else {
            self.next += OTHERS;
            return Ok(None);
        };
        let (session, claims) = (self.opt_id()?, self.opt_parsed(ClaimsRequest::from_json)?);
        Ok(Some(FoundPerson { id, session, claims, profile: self.bare_profile()? }))
    }

    /// Reads `profile_columns!()`.
    pub(crate) fn profile(&mut self) -> Result<Profile, StoreError> {
        let profile = self.bare_profile()?;
        self.organized(profile)
    }

    /// Reads the name and the external id of the primary organization of `profile`.
    pub(crate) fn organized(&mut self, profile: Profile) -> Result<Profile, StoreError> {
        let (name, external_id) = (self.opt_text()?, self.opt_text()?);
        Ok(Profile { organization: name.map(|name| Organization { external_id, name }), ..profile })
    }

    fn bare_profile(&mut self) -> Result<Profile, StoreError> {
        Ok(Profile {
            subject: self.text()?,
            number: self.int()?,
            external_id: self.opt_text()?,
            username: self.text()?,
            email: self.opt_text()?,
            email_verified: self.flag()?,
            nickname: self.opt_text()?,
            phone: self.opt_text()?,
            locale: self.opt_text()?,
            time_zone: self.opt_text()?,
            created_at: self.int()?,
            updated_at: self.int()?,
            organization: None,
        })
    }
}
