//! How much may still be lost.

use std::collections::HashMap;
use std::hash::Hash;

/// How many domains may vanish, whichever they are, with at least `data` shards left; `None` if there are fewer already.
///
/// Takes the domain of each shard that is there.
pub fn tolerance<D: Eq + Hash>(domains: impl IntoIterator<Item = D>, data: usize) -> Option<usize> {
    let mut shards_of: HashMap<D, usize> = HashMap::new();
    for domain in domains {
        *shards_of.entry(domain).or_default() += 1;
    }
    let mut sizes: Vec<usize> = shards_of.into_values().collect();
    sizes.sort_unstable();
    let mut left = sizes.iter().sum::<usize>().checked_sub(data)?;
    // The worst case loses the fullest domains first.
    let mut lost = 0;
    while let Some(size) = sizes.pop() {
        match left.checked_sub(size) {
            Some(rest) => left = rest,
            None => break,
        }
        lost += 1;
    }
    Some(lost)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn known_cases() {
        assert_eq!(tolerance(0..9, 6), Some(3), "one shard in each domain");
        assert_eq!(tolerance(0..6, 6), Some(0));
        assert_eq!(tolerance(0..5, 6), None);
        assert_eq!(
            tolerance([0, 0, 0, 1, 1, 1, 2, 2, 2], 6),
            Some(1),
            "three domains of three"
        );
        assert_eq!(
            tolerance([0, 0, 0, 0, 1, 2, 3, 4, 5], 6),
            Some(0),
            "the fullest domain has four"
        );
    }

    /// Tries every set of domains.
    fn naive(domains: &[u8], data: usize) -> Option<usize> {
        let left = |lost: u32| domains.iter().filter(|domain| lost >> **domain & 1 == 0).count();
        let survives = |count: u32| {
            (0..1_u32 << 6)
                .filter(|set| set.count_ones() == count)
                .all(|set| left(set) >= data)
        };
        (0..=6)
            .take_while(|count| survives(*count))
            .last()
            .map(|count| count as usize)
    }

    proptest! {
        #[test]
        fn agrees_with_trying_everything(domains in prop::collection::vec(0_u8..6, 0..12), data in 1_usize..8) {
            prop_assert_eq!(tolerance(&domains, data), naive(&domains, data));
        }
    }
}
