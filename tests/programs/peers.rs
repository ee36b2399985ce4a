// Rust for the symbolizer: generics, closures, iterators and collections, inlined into each other;
// compared with llvm-symbolizer.
use std::collections::BTreeMap;

#[inline(never)]
fn count(words: &[String]) -> usize {
    let mut seen: BTreeMap<&str, usize> = BTreeMap::new();
    for word in words {
        *seen.entry(word.as_str()).or_insert(0) += word.len();
    }
    seen.values().map(|n| n * 2).sum()
}

fn main() {
    let mut words: Vec<String> = std::env::args().collect();
    words.sort_by(|a, b| b.len().cmp(&a.len()));
    println!("{}", count(&words));
}
