//! The `claims` parameter. What is read is bounded, reads again from the spelling that the store keeps, and asks for no claim
//! that is not known here.
#![no_main]

use libfuzzer_sys::fuzz_target;
use vestibule_oauth::claims_request::{ClaimsRequest, KNOWN, MAX_CLAIMS, MAX_LENGTH, MAX_VALUES};
use vestibule_oauth::scope::ScopeSet;

fuzz_target!(|data: &[u8]| {
    let Ok(text) = std::str::from_utf8(data) else { return };
    let Ok(request) = ClaimsRequest::parse(text) else { return };
    assert!(text.len() <= MAX_LENGTH);
    for claims in [&request.id_token, &request.userinfo] {
        assert!(claims.len() <= MAX_CLAIMS);
        for claim in claims {
            assert!(KNOWN.iter().any(|(name, _)| *name == claim.name) && claim.values.len() <= MAX_VALUES);
            assert_eq!(claims.iter().filter(|other| other.name == claim.name).count(), 1, "{}", claim.name);
        }
    }
    assert_eq!(ClaimsRequest::from_json(&request.to_json()).as_ref(), Some(&request));
    let without = request.opened_by(&ScopeSet::empty());
    assert!(without.scopes().is_empty(), "nothing about a person without consent");
    assert_eq!(request.opened_by(&request.scopes()), request);
});
