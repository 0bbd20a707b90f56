//! The table of addresses after `up`, in `status` and of `credentials`.

use super::table::Table;

/// Something with an address.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Address {
    /// Service.
    pub service: String,
    /// What is found there.
    pub label: String,
    /// Where.
    pub url: String,
    /// User and password, where they are needed.
    pub login: Option<(String, String)>,
}

/// The text; `width` is the terminal's, see [`super::Ui::width`].
pub fn render(addresses: &[Address], width: Option<usize>) -> String {
    let with_login = addresses.iter().any(|address| address.login.is_some());
    let header = ["WHAT", "ADDRESS", "USER", "PASSWORD"];
    let mut table = Table::new(header.into_iter().take(if with_login { 4 } else { 2 }));
    for address in addresses {
        let mut cells = vec![address.label.clone(), address.url.clone()];
        if with_login {
            let (user, password) = address.login.clone().unwrap_or_default();
            cells.extend([user, password]);
        }
        table.row(cells);
    }
    table.render(width)
}
