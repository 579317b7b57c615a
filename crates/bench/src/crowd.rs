//! A full house.
pub struct Crowd {
    pub web_tokens: Vec<String>,
    pub idaas_tokens: Vec<String>,
}
impl Crowd {
    pub fn name(&self, n: usize) -> String {
        format!("crowd-{n}")
    }
}
