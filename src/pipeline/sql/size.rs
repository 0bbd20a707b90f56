//! How large a statement may be. The parser counts how deep brackets lie in each other, but `1 + 1 + 1 ..` and
//! `SELECT .. UNION SELECT ..` become trees as deep as they are long, which to walk and to free takes stack.

use sqlparser::keywords::Keyword;
use sqlparser::tokenizer::{Token, TokenWithSpan};

/// Most words and signs between two commas.
const CHAIN: usize = 1_000;
/// Most SELECTs that one set operation joins after the other.
const SETS: usize = 100;

/// The error says what is too large.
pub(super) fn check(tokens: &[TokenWithSpan]) -> Result<(), String> {
    // One count for each open bracket: commas within it do not end what is around it.
    let mut chains = vec![0_usize];
    let mut sets = 0;
    for token in tokens.iter().filter(|token| !matches!(token.token, Token::Whitespace(_))) {
        match &token.token {
            Token::LParen => chains.push(0),
            Token::RParen if chains.len() > 1 => drop(chains.pop()),
            Token::Word(word) if matches!(word.keyword, Keyword::UNION | Keyword::EXCEPT | Keyword::INTERSECT) => {
                sets += 1;
            }
            _ => {}
        }
        let chain = chains.last_mut().expect("the outermost is never closed");
        *chain = if token.token == Token::Comma { 0 } else { *chain + 1 };
        if *chain > CHAIN {
            let line = token.span.start.line;
            return Err(format!("more than {CHAIN} words and signs without a comma, at line {line}"));
        }
        if sets > SETS {
            return Err(format!("more than {SETS} set operations"));
        }
    }
    Ok(())
}
